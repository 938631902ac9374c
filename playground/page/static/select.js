// The menus that a bot puts into messages and forms: of its own options, or of the people, roles and channels there are.

import { avatar, h, icon } from "./dom.js";

export const SELECT = { string: 3, user: 5, role: 6, mentionable: 7, channel: 8 };
const CHEVRON = "m6.3 8.3 5.7 5.7 5.7-5.7 1.4 1.4-7.1 7.1-7.1-7.1Z";
const GAP_PX = 4;

/** A menu for `data`; `chosen(values)` is told of a choice when the list closes. `element.values` are those of now. */
export function select(data, known, chosen = () => {}) {
  return new Select(data, choices(data, known), chosen).element;
}

function choices(data, known) {
  const preset = new Set((data.default_values ?? []).map(({ id }) => id));
  const people = () => known.users().map(({ id, name, user }) => ({ value: id, label: name, sign: avatar(user, "tiny") }));
  const roles = () => known.roles().map(({ id, name }) => ({ value: id, label: `@${name}` }));
  const channels = () => known.channels().filter(({ type }) => !data.channel_types?.length || data.channel_types.includes(type));
  const found = () => {
    switch (data.type) {
      case SELECT.string: return data.options.map((each) => ({ ...each, sign: each.emoji && h("span", { class: "emoji" }, each.emoji.name) }));
      case SELECT.role: return roles();
      case SELECT.channel: return channels().map(({ id, name }) => ({ value: id, label: `#${name}` }));
      case SELECT.mentionable: return [...people(), ...roles()];
      default: return people();
    }
  };
  return found().map((each) => ({ ...each, default: each.default ?? preset.has(each.value) }));
}

class Select {
  #chosen;
  #before = "";

  constructor(data, all, tell) {
    this.all = all;
    this.tell = tell;
    this.most = data.max_values ?? 1;
    this.least = data.min_values ?? 1;
    this.#chosen = all.filter((each) => each.default).map(({ value }) => value);
    this.placeholder = data.placeholder || "Make a selection";
    this.field = h("button", { type: "button", class: "select-field", disabled: Boolean(data.disabled), "aria-haspopup": "listbox",
      data: { customId: data.custom_id } });
    this.search = data.type === SELECT.string ? null
      : h("input", { type: "search", placeholder: "Search", "aria-label": "Search", on: { input: () => this.#fill() } });
    this.options = h("ul", { role: "listbox", "aria-label": this.placeholder, "aria-multiselectable": String(this.most > 1) });
    this.list = h("div", { class: "select-list", popover: "auto", on: { toggle: (event) => this.#toggled(event), keydown: (event) => this.#key(event) } },
      this.search, this.options);
    this.field.popoverTargetElement = this.list;
    this.element = h("div", { class: "select" }, this.field, this.list);
    Object.defineProperty(this.element, "values", { get: () => this.#chosen });
    this.#show();
  }

  #show() {
    const shown = this.all.filter(({ value }) => this.#chosen.includes(value));
    const label = (each) => h("span", { class: this.search ? "chip" : "" }, each.sign?.cloneNode(true), each.label);
    this.field.replaceChildren(h("span", { class: shown.length ? "chosen" : "placeholder" }, ...(shown.length ? joined(shown.map(label), !this.search) : [this.placeholder])), icon(CHEVRON));
    this.field.setAttribute("aria-label", shown.length ? `${this.placeholder}: ${shown.map((each) => each.label).join(", ")}` : this.placeholder);
  }

  #toggled({ newState }) {
    this.field.setAttribute("aria-expanded", String(newState === "open"));
    if (newState !== "open") return this.#closed();
    this.#before = this.#chosen.join();
    this.#fill();
    this.#place();
    (this.search ?? this.options.querySelector("[aria-selected=true]") ?? this.options.firstElementChild)?.focus();
  }

  #closed() {
    this.field.focus();
    const fits = this.#chosen.length >= this.least;
    if (!fits) this.#chosen = this.#before.split(",").filter(Boolean);
    this.#show();
    if (fits && this.#chosen.join() !== this.#before) this.tell(this.#chosen);
  }

  #place() {
    const { left, top, bottom, width } = this.field.getBoundingClientRect();
    const { height } = this.list.getBoundingClientRect();
    const below = bottom + GAP_PX + height < innerHeight;
    Object.assign(this.list.style, { left: `${left}px`, width: `${width}px`, top: `${below ? bottom + GAP_PX : Math.max(GAP_PX, top - GAP_PX - height)}px` });
  }

  #fill() {
    const wanted = (this.search?.value ?? "").trim().toLowerCase();
    const fitting = this.all.filter(({ label }) => label.toLowerCase().includes(wanted));
    this.options.replaceChildren(...fitting.map((each) => this.#option(each)));
    if (!fitting.length) this.options.append(h("li", { class: "none" }, "Nothing found"));
  }

  #option(each) {
    const isChosen = this.#chosen.includes(each.value);
    return h("li", { role: "option", tabindex: "0", "aria-selected": String(isChosen), data: { value: each.value }, on: { click: () => this.#take(each.value) } },
      each.sign?.cloneNode(true), h("span", { class: "text" }, h("span", {}, each.label), each.description && h("small", {}, each.description)),
      this.most > 1 && h("i", { class: "check", "aria-hidden": "true" }, isChosen ? "✓" : ""));
  }

  #take(value) {
    if (this.most === 1) {
      this.#chosen = this.#chosen.includes(value) && this.least === 0 ? [] : [value];
      this.list.hidePopover();
      return;
    }
    if (this.#chosen.includes(value)) this.#chosen = this.#chosen.filter((each) => each !== value);
    else if (this.#chosen.length < this.most) this.#chosen = [...this.#chosen, value];
    this.#fill();
    this.options.querySelector(`[data-value="${CSS.escape(value)}"]`)?.focus();
  }

  #key(event) {
    const all = [...this.options.querySelectorAll("[role=option]")];
    const at = all.indexOf(document.activeElement);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) all.at((at + step) % all.length)?.focus();
    else if ((event.key === "Enter" || (event.key === " " && at >= 0)) && all.length) all[Math.max(0, at)].click();
    else return;
    event.preventDefault();
  }
}

const joined = (elements, withCommas) => (withCommas ? elements.flatMap((each, index) => (index ? [", ", each] : [each])) : elements);
