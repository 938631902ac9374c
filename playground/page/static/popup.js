// The list of suggestions above the composer, worked by keyboard or pointer. What is suggested is decided elsewhere.

import { h } from "./dom.js";

let count = 0;

export class Popup {
  #choices = [];
  #active = 0;

  #id = `popup-${++count}`;

  /** `field` keeps the focus; the list only says which option is active. */
  constructor(field = null) {
    this.field = field;
    this.element = h("ul", { id: this.#id, class: "popup", role: "listbox", "aria-label": "Suggestions", hidden: true });
  }

  get isOpen() { return !this.element.hidden; }

  /** Offer `choices`: `{ content, take }` each. None closes the list. */
  offer(heading, choices) {
    this.#choices = choices;
    this.#active = 0;
    this.element.hidden = choices.length === 0;
    this.field?.setAttribute("aria-controls", this.#id);
    this.element.replaceChildren(h("li", { class: "heading", role: "presentation" }, heading),
      ...choices.map(({ content, take }, index) => h("li", { role: "option", id: `${this.#id}-${index}`,
        on: { pointerenter: () => this.#activate(index), pointerdown: (event) => event.preventDefault(), click: take } }, ...content)));
    if (this.isOpen) this.#activate(0);
    else this.field?.removeAttribute("aria-activedescendant");
  }

  close() { this.offer("", []); }

  /** Whether the key was meant for the list, and used up. */
  takeKey(event) {
    if (!this.isOpen || event.isComposing) return false;
    const last = this.#choices.length - 1;
    switch (event.key) {
      case "ArrowDown": this.#activate(this.#active === last ? 0 : this.#active + 1); break;
      case "ArrowUp": this.#activate(this.#active === 0 ? last : this.#active - 1); break;
      case "Tab": case "Enter": this.#choices[this.#active].take(); break;
      case "Escape": this.close(); break;
      default: return false;
    }
    event.preventDefault();
    return true;
  }

  #activate(index) {
    this.#active = index;
    for (const option of this.element.querySelectorAll("[role=option]")) option.setAttribute("aria-selected", "false");
    const option = this.element.children[index + 1];
    option.setAttribute("aria-selected", "true");
    option.scrollIntoView({ block: "nearest" });
    this.field.setAttribute("aria-activedescendant", option.id);
  }
}
