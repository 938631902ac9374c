// Slash commands: what of the synced commands fits what is typed, and the form for one command's options.

import { avatar, h, nameOf } from "./dom.js";
import { encoded } from "./files.js";
import { Popup } from "./popup.js";

const OPTION = { subcommand: 1, group: 2, string: 3, integer: 4, boolean: 5, user: 6, channel: 7, role: 8, mentionable: 9, number: 10, attachment: 11 };
const NO_NUMBER = { [OPTION.integer]: "This has to be a whole number.", [OPTION.number]: "This has to be a number." };
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
  #timer = 0;

  constructor(command, { known, complete, run, cancel }) {
    this.command = command;
    this.complete = complete;
    this.known = known;
    this.popup = new Popup();
    const submit = async (event) => { event.preventDefault(); if (this.#fits()) run(command.path, await this.#values()); };
    const key = (event) => { if (!this.popup.takeKey(event) && event.key === "Escape") cancel(); };
    this.element = h("form", { class: "command", "aria-label": `/${command.path}`, on: { submit, keydown: key } },
      this.popup.element,
      h("b", { class: "path" }, `/${command.path}`),
      ...command.options.map((option) => this.#chip(option)),
      h("span", { class: "grow" }),
      h("button", { type: "button", class: "link", on: { click: cancel } }, "Cancel"),
      h("button", { class: "button primary" }, "Run"));
  }

  focus() {
    (this.element.querySelector("input") ?? this.element.querySelector("button.primary")).focus();
  }

  #chip(option) {
    const field = option.type === OPTION.attachment ? h("input", { type: "file" }) : this.#input(option);
    field.required = Boolean(option.required);
    field.title = option.description;
    this.#fields.set(option, field);
    return h("label", { class: option.required ? "chip needed" : "chip" }, h("span", {}, option.name), field);
  }

  #input(option) {
    const isNumber = [OPTION.integer, OPTION.number].includes(option.type) && !option.autocomplete && !option.choices?.length;
    const input = h("input", { type: isNumber ? "number" : "text", autocomplete: "off",
      placeholder: option.description, min: text(option.min_value), max: text(option.max_value),
      minlength: text(option.min_length), maxlength: text(option.max_length),
      step: option.type === OPTION.number ? "any" : null });
    input.addEventListener("input", () => input.setCustomValidity(""));
    const given = this.#given(option);
    if (given) input.offered = new Map(given.map(({ name, value }) => [name, value]));
    if (!given && !option.autocomplete) return input;
    const suggest = given ? () => this.#offer(option, input, fitting(given, input.value))
      : () => { clearTimeout(this.#timer); this.#timer = setTimeout(() => this.#ask(option, input), TYPING_PAUSE_MS); };
    for (const event of ["input", "focus", "click"]) input.addEventListener(event, suggest);
    input.addEventListener("blur", () => this.popup.close());
    if (given) input.addEventListener("change", () => input.setCustomValidity(input.value && !input.offered.has(input.value) ? "Pick one from the list." : ""));
    return input;
  }

  /** What there is to pick from, if it is known beforehand: `{ name, value, sign }`. */
  #given(option) {
    const named = (things, mark) => things.map(({ id, name }) => ({ name: `${mark}${name}`, value: id }));
    const people = () => this.known.users().map(({ id, name, user }) => ({ name, value: id, sign: avatar(user, "small") }));
    if (option.choices?.length) return option.choices;
    switch (option.type) {
      case OPTION.boolean: return [{ name: "True", value: true }, { name: "False", value: false }];
      case OPTION.user: return people();
      case OPTION.role: return named(this.known.roles(), "@");
      case OPTION.mentionable: return [...people(), ...named(this.known.roles(), "@")];
      case OPTION.channel: return named(this.known.channels(), "#");
      default: return null;
    }
  }

  #offer(option, input, choices) {
    if (document.activeElement !== input) return;
    const take = (name) => { input.value = name; input.setCustomValidity(""); this.popup.close(); };
    this.popup.field = input;
    this.popup.offer(option.description, choices.map(({ name, sign }) => ({ content: [sign?.cloneNode(true), h("b", {}, name)], take: () => take(name) })));
  }

  /** The choice that a suggestion shows by its name is sent by its value, which is kept beside it. */
  async #ask(option, input) {
    const choices = await this.complete(this.command.path, option.name, await this.#values({ partial: option }));
    input.offered = new Map(choices.map(({ name, value }) => [name, value]));
    this.#offer(option, input, choices);
  }

  /** Whether every number is one, as Discord's client asks before it sends anything; the browser says so at the option. */
  #fits() {
    for (const [option, field] of this.#fields) if (!isValue(option, entered(option, field))) field.setCustomValidity(NO_NUMBER[option.type]);
    return this.element.reportValidity();
  }

  /** What is filled in; for suggestions (`partial` is the option that asks for some), only what is a value by now. */
  async #values({ partial = null } = {}) {
    const values = {};
    for (const [option, field] of this.#fields) {
      const value = option === partial ? field.value.trim() : entered(option, field);
      if (value === "" || (option !== partial && !isValue(option, value))) continue;
      if (option.type !== OPTION.attachment) values[option.name] = value;
      else if (!partial) values[option.name] = await encoded(field.files[0]);
    }
    return values;
  }
}

const fitting = (choices, typed) => {
  const exact = choices.some(({ name }) => name === typed);
  return choices.filter(({ name }) => exact || name.toLowerCase().includes(typed.trim().toLowerCase()));
};

const text = (value) => (value === undefined || value === null ? null : String(value));

/** What stands in a field; of a choice, its value. */
const entered = (option, field) => {
  const typed = field.value.trim();
  const value = field.offered?.get(typed) ?? typed;
  return typed !== "" && NO_NUMBER[option.type] ? Number(value) : value;
};

const isValue = (option, value) => {
  if (value === "") return true;
  if (option.type === OPTION.integer) return Number.isSafeInteger(value);
  return option.type !== OPTION.number || Number.isFinite(value);
};

/** What forms and menus offer, out of the page's state. */
export function knownThings(state) {
  const everyone = () => [...state.people, state.bot].filter(({ id }) => state.guild.members.some((member) => member.id === id));
  return {
    users: () => everyone().map((user) => ({ id: user.id, name: nameOf(user), user })),
    channels: () => state.channels.filter((channel) => channel.guild_id === state.guild.id),
    roles: () => state.guild.roles.map(({ id, name }) => ({ id, name: name.replace(/^@/, "") })),
  };
}
