// The list of messages of one channel: in order, grouped, divided by day, kept at its end while one looks there.

import { $, dayName, h, sameDay } from "./dom.js";
import { fill, hasMenu, isEphemeral, isNotice, menuOf, startsAnew } from "./message.js";

const GROUP_MS = 7 * 60 * 1000;
const NEAR_END_PX = 60;
const NEAR_START_PX = 200;

export class MessageList {
  #list = $("messages");
  #scroll = $("scroll");
  #items = new Map();
  #hasOlder = false;
  #loading = false;
  #atEnd = true;

  /** `context` is handed to every message; `loadOlder(id)` resolves to what stands before the message with this id. */
  constructor(context, loadOlder) {
    this.context = context;
    this.loadOlder = loadOlder;
    this.#scroll.addEventListener("scroll", () => this.#scrolled());
    this.#list.addEventListener("click", revealSpoiler);
    this.#list.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") revealSpoiler(event); });
    this.#list.addEventListener("contextmenu", (event) => this.#openMenu(event));
    this.#list.addEventListener("load", () => this.#stick(), { capture: true });
    new ResizeObserver(() => this.#stick()).observe(this.#scroll);
    $("newest").addEventListener("click", () => this.toEnd());
  }

  /** Show another channel: its newest messages, and whether there are older ones. */
  show({ messages, more }, beginning) {
    this.#items.clear();
    this.#list.replaceChildren();
    this.#hasOlder = more;
    $("beginning").replaceChildren(...beginning);
    $("beginning").hidden = more;
    for (const message of messages) this.#put(message);
    this.toEnd();
  }

  /** A message is new or has changed. */
  upsert(message) {
    this.#put(message);
    this.#stick();
  }

  remove(id) {
    const item = this.#items.get(id)?.item;
    if (!item) return;
    const next = item.nextElementSibling;
    item.remove();
    this.#items.delete(id);
    if (next) this.#arrange(next);
    for (const { message } of [...this.#items.values()]) {
      if (message.referenced_message?.id === id) this.#put({ ...message, referenced_message: null });
    }
  }

  get(id) { return this.#items.get(id)?.message; }

  item(id) { return this.#items.get(id)?.item; }

  /** The newest message that fits. */
  findLast(fits) {
    return [...this.#list.children].reverse().map((item) => this.get(item.dataset.id)).find(fits);
  }

  /** Bring a message into view and point at it. */
  jump(id) {
    const item = this.item(id);
    if (!item) return;
    item.scrollIntoView({ block: "center" });
    item.classList.add("flash");
    setTimeout(() => item.classList.remove("flash"), 1500);
  }

  toEnd() {
    this.#atEnd = true;
    this.#stick();
  }

  /** Links and pictures keep the browser's own menu. */
  #openMenu(event) {
    const message = this.get(event.target.closest(".message")?.dataset.id);
    if (!message || !hasMenu(message) || event.target.closest("a, img")) return;
    event.preventDefault();
    const { me, actions } = this.context;
    actions.openMenu(menuOf(message, me, actions), { x: event.clientX, y: event.clientY });
  }

  #put(message) {
    const known = this.#items.get(message.id)?.item;
    const item = known ?? h("li", { class: "message", id: `message-${message.id}`, data: { id: message.id } });
    this.#items.set(message.id, { message, item });
    fill(item, message, this.context);
    if (!known) this.#insert(item);
    this.#arrange(item);
    if (item.nextElementSibling) this.#arrange(item.nextElementSibling);
  }

  /** Ids grow with time; almost every message belongs at the end. */
  #insert(item) {
    let before = this.#list.lastElementChild;
    while (before && BigInt(before.dataset.id) > BigInt(item.dataset.id)) before = before.previousElementSibling;
    if (before) before.after(item);
    else this.#list.prepend(item);
  }

  #arrange(item) {
    const message = this.get(item.dataset.id);
    const previous = item.previousElementSibling && this.get(item.previousElementSibling.dataset.id);
    const sent = new Date(message.timestamp);
    const newDay = !previous || !sameDay(sent, new Date(previous.timestamp));
    const follows = previous && !newDay && previous.author.id === message.author.id && !startsAnew(message)
      && isEphemeral(previous) === isEphemeral(message) && !isNotice(previous) && sent - new Date(previous.timestamp) < GROUP_MS;
    item.classList.toggle("follows", Boolean(follows));
    if (newDay) item.dataset.day = dayName(sent);
    else delete item.dataset.day;
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroll;
    this.#atEnd = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
    $("newest").hidden = this.#atEnd;
    if (scrollTop < NEAR_START_PX && this.#hasOlder && !this.#loading) this.#showOlder();
  }

  async #showOlder() {
    this.#loading = true;
    const { scrollTop, scrollHeight } = this.#scroll;
    const oldest = this.#list.firstElementChild.dataset.id;
    const { messages, more } = await this.loadOlder(oldest);
    for (const message of messages) this.#put(message);
    this.#hasOlder = more;
    $("beginning").hidden = more;
    this.#scroll.scrollTop = scrollTop + this.#scroll.scrollHeight - scrollHeight;
    this.#loading = false;
  }

  #stick() {
    if (this.#atEnd) this.#scroll.scrollTop = this.#scroll.scrollHeight;
    $("newest").hidden = this.#atEnd;
  }
}

function revealSpoiler(event) {
  const spoiler = event.target.closest(".spoiler:not(.revealed)");
  if (!spoiler) return;
  event.preventDefault();
  spoiler.classList.add("revealed");
  spoiler.removeAttribute("role");
  spoiler.removeAttribute("aria-label");
}
