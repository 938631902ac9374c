// Slash commands: what of the synced commands fits what is typed, and the form for one command's options.

import { $, h, nameOf } from "./dom.js";

const OPTION = { subcommand: 1, group: 2, string: 3, integer: 4, boolean: 5, user: 6, channel: 7, role: 8, mentionable: 9, number: 10, attachment: 11 };
const SLASH = 1;
const TYPING_PAUSE_MS = 200;

/** Every command that can be called: `{ path, description, options }`, subcommands spelled out. */
export function callable(commands) {
  return commands.filter((command) => command.type === SLASH).flatMap((command) => leaves(command, command.name));
}

function leaves(node, path) {
  const nested = (node.options ?? []).filter((option) => option.type === OPTION.subcommand || option.type === OPTION.group);
  if (nested.length) return nested.flatMap((option) => leaves(option, `${path} ${option.name}`));
  return [{ path, description: node.description, options: node.options ?? [] }];
}

/** Those whose path begins with, or holds, what was typed after the slash. */
export function matching(commands, typed) {
  const wanted = typed.trim().toLowerCase();
  const rank = ({ path }) => (path.startsWith(wanted) ? 0 : path.includes(wanted) ? 1 : 2);
  return commands.filter((command) => rank(command) < 2).sort((one, other) => rank(one) - rank(other));
}

/** The form in which one command is filled in. `run(path, options)` sends it, `cancel()` leaves it. */
export class CommandForm {
  #fields = new Map();

  constructor(command, { known, complete, run, cancel }) {
    this.command = command;
    this.complete = complete;
    this.known = known;
    this.element = h("form", { class: "command", "aria-label": `/${command.path}`,
      on: { submit: (event) => { event.preventDefault(); run(command.path, this.#values()); },
        keydown: (event) => { if (event.key === "Escape") cancel(); } } },
    h("b", { class: "path" }, `/${command.path}`),
    ...command.options.map((option) => this.#chip(option)),
    h("span", { class: "grow" }),
    h("button", { type: "button", class: "link", on: { click: cancel } }, "Cancel"),
    h("button", { class: "button primary" }, "Run"));
  }

  focus() {
    (this.element.querySelector("input, select") ?? this.element.querySelector("button.primary")).focus();
  }

  #chip(option) {
    const field = this.#field(option);
    field.required = Boolean(option.required);
    field.title = option.description;
    this.#fields.set(option, field);
    return h("label", { class: "chip" }, h("span", {}, option.name), field);
  }

  #field(option) {
    const pick = (pairs) => h("select", {}, h("option", { value: "" }, option.required ? "Choose…" : "—"),
      ...pairs.map(([value, label]) => h("option", { value: String(value) }, label)));
    if (option.choices?.length) return pick(option.choices.map(({ value, name }) => [value, name]));
    switch (option.type) {
      case OPTION.boolean: return pick([["true", "True"], ["false", "False"]]);
      case OPTION.user: case OPTION.mentionable: return pick(this.known.users().map(({ id, name }) => [id, name]));
      case OPTION.channel: return pick(this.known.channels().map(({ id, name }) => [id, `#${name}`]));
      case OPTION.role: return pick(this.known.roles().map(({ id, name }) => [id, name]));
      default: return this.#input(option);
    }
  }

  #input(option) {
    const isNumber = option.type === OPTION.integer || option.type === OPTION.number;
    const input = h("input", { type: isNumber && !option.autocomplete ? "number" : "text", autocomplete: "off",
      placeholder: option.description, min: text(option.min_value), max: text(option.max_value),
      minlength: text(option.min_length), maxlength: text(option.max_length),
      step: option.type === OPTION.number ? "any" : null });
    if (!option.autocomplete) return input;
    let timer = 0;
    const suggest = () => { clearTimeout(timer); timer = setTimeout(() => this.#suggest(option, input), TYPING_PAUSE_MS); };
    input.addEventListener("input", suggest);
    input.addEventListener("focus", suggest);
    return input;
  }

  /** The choice that a suggestion shows by its name is sent by its value, which is kept beside it. */
  async #suggest(option, input) {
    const choices = await this.complete(this.command.path, option.name, this.#values({ partial: true }));
    const list = $("suggestions") ?? document.body.appendChild(h("datalist", { id: "suggestions" }));
    list.replaceChildren(...choices.map(({ name }) => h("option", { value: name })));
    input.setAttribute("list", "suggestions");
    input.suggested = new Map(choices.map(({ name, value }) => [name, value]));
  }

  #values({ partial = false } = {}) {
    const values = {};
    for (const [option, field] of this.#fields) {
      const typed = field.value.trim();
      if (typed === "") continue;
      values[option.name] = partial ? typed : converted(option, field.suggested?.get(typed) ?? typed);
    }
    return values;
  }
}

const text = (value) => (value === undefined || value === null ? null : String(value));

function converted(option, value) {
  if (option.type === OPTION.boolean) return value === "true";
  if (option.type === OPTION.integer || option.type === OPTION.number) return Number(value);
  return value;
}

/** What forms and menus offer, out of the page's state. */
export function knownThings(state) {
  const everyone = () => [...state.people, state.bot];
  return {
    users: () => everyone().map((user) => ({ id: user.id, name: nameOf(user) })),
    channels: () => state.channels.filter((channel) => channel.name).map(({ id, name }) => ({ id, name })),
    roles: () => state.guild.roles.map(({ id, name }) => ({ id, name: name.replace(/^@/, "") })),
  };
}
