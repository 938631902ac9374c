// "Mnemo is typing…" below the messages.

import { $, h, nameOf } from "./dom.js";
import { dots } from "./message.js";

/** Discord shows the indicator for so long, unless it is renewed or the message comes. */
const TYPING_MS = 10_000;

export class Typing {
  #timers = new Map();

  constructor(state) {
    this.state = state;
  }

  start(id) {
    if (id === this.state.me.id) return;
    clearTimeout(this.#timers.get(id));
    this.#timers.set(id, setTimeout(() => this.stop(id), TYPING_MS));
    this.#show();
  }

  stop(id) {
    clearTimeout(this.#timers.get(id));
    if (this.#timers.delete(id)) this.#show();
  }

  clear() {
    for (const id of [...this.#timers.keys()]) this.stop(id);
  }

  #show() {
    const users = [...this.state.people, this.state.bot].filter(({ id }) => this.#timers.has(id));
    const names = new Intl.ListFormat("en").format(users.map(nameOf));
    $("typing").replaceChildren(...(users.length ? [dots(), h("b", {}, names), users.length > 1 ? " are typing…" : " is typing…"] : []));
  }
}
