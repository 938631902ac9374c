// The connection to the little Discord: one websocket for one person, which comes back by itself.

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 4000;

export class Socket {
  #socket = null;
  #person = "";
  #asked = new Map();
  #number = 0;
  #pause = FIRST_PAUSE_MS;
  #timer = 0;

  /** `onEvent(kind, data)` hears everything that the person can see, `onStatus(connected)` when the line breaks. */
  constructor(onEvent, onStatus) {
    this.onEvent = onEvent;
    this.onStatus = onStatus;
  }

  /** Connect as this person ("" for the first one), in place of whoever was connected. */
  connect(person) {
    clearTimeout(this.#timer);
    this.#person = person;
    const socket = new WebSocket(`ws://${location.host}/play/ws?as=${encodeURIComponent(person)}`);
    const previous = this.#socket;
    this.#socket = socket;
    previous?.close();
    this.#failAll("The connection was replaced.");
    socket.addEventListener("open", () => { this.#pause = FIRST_PAUSE_MS; this.onStatus(true); });
    socket.addEventListener("message", ({ data }) => { if (socket === this.#socket) this.#receive(JSON.parse(data)); });
    socket.addEventListener("close", () => { if (socket === this.#socket) this.#comeBack(); });
  }

  /** Ask for something to be done; resolves to its result, rejects with the sentence that says why not. */
  ask(action, fields = {}) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return Promise.reject(new Error("Not connected to the playground."));
    const id = ++this.#number;
    this.#socket.send(JSON.stringify({ id, do: action, ...fields }));
    return new Promise((resolve, reject) => this.#asked.set(id, { resolve, reject }));
  }

  #receive({ kind, data, id, error }) {
    if (kind !== "ANSWER") return this.onEvent(kind, data);
    const { resolve, reject } = this.#asked.get(id);
    this.#asked.delete(id);
    return error ? reject(new Error(error)) : resolve(data);
  }

  #comeBack() {
    this.onStatus(false);
    this.#failAll("The connection to the playground broke.");
    this.#timer = setTimeout(() => this.connect(this.#person), this.#pause);
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE_MS);
  }

  #failAll(sentence) {
    for (const { reject } of this.#asked.values()) reject(new Error(sentence));
    this.#asked.clear();
  }
}
