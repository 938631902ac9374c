// Where one is and who is there: the rail, the channels, oneself, the members.

import { $, avatar, h, icon, nameOf } from "./dom.js";

const DM = 1;
const THREADS = [11, 12];
const ICONS = {
  hash: "M10 3 9.4 7H5v2h4.1l-.9 6H4v2h3.9L7.3 21h2l.6-4h5.9l-.6 4h2l.6-4H21v-2h-3.5l.9-6H22V7h-3.3l.6-4h-2l-.6 4h-5.9l.6-4Zm1.1 6H17l-.9 6h-5.9Z",
  thread: "M4 3h2v7c0 2.8 2.2 5 5 5h5.2l-2.6-2.6L15 11l5 5-5 5-1.4-1.4 2.6-2.6H11c-3.9 0-7-3.1-7-7Z",
};

export class Sidebar {
  #unread = new Map();
  #lastOfGuild = null;

  /** `open(channel)` is called for the channel that is chosen. */
  constructor(state, open) {
    this.state = state;
    this.open = (channel) => { this.toggleDrawer(false); open(channel); };
    $("home").addEventListener("click", () => this.open(this.#direct()));
    $("guild").addEventListener("click", () => this.open(this.#lastOfGuild ?? this.state.channels[0]));
    $("scroll").addEventListener("pointerdown", () => this.toggleDrawer(false));
  }

  /** Draw everything anew. */
  show() {
    const { guild, channel, channels, me } = this.state;
    this.#unread.delete(channel.id);
    if (channel.type !== DM) this.#lastOfGuild = channel;
    $("guild-name").textContent = guild.name;
    this.#server($("guild"), channel.type !== DM, guild.name, initials(guild.name));
    $("home").setAttribute("aria-current", String(channel.type === DM));
    const rooms = channels.filter(({ type }) => type !== DM);
    const direct = channels.filter(({ type }) => type === DM);
    $("channels").replaceChildren(...this.#section("Text channels", rooms), ...this.#section("Direct messages", direct));
    $("me").replaceChildren(avatar(me, "small"), h("div", {}, h("b", {}, nameOf(me)), h("small", {}, me.username)));
    this.#members();
  }

  /** Something was said in a channel that is not open. */
  unread(channelId, isPing) {
    const pings = (this.#unread.get(channelId) ?? 0) + (isPing ? 1 : 0);
    this.#unread.set(channelId, pings);
    this.show();
  }

  toggleDrawer(open = !document.body.classList.contains("drawer-open")) {
    document.body.classList.toggle("drawer-open", open);
    $("drawer").setAttribute("aria-expanded", String(open));
  }

  #direct() { return this.state.channels.find(({ type }) => type === DM); }

  #server(button, current, label, content) {
    button.textContent = content;
    button.title = label;
    button.setAttribute("aria-label", label);
    button.setAttribute("aria-current", String(current));
  }

  #section(heading, channels) {
    return [h("h3", {}, heading), h("ul", {}, ...channels.map((channel) => h("li", {}, this.#entry(channel))))];
  }

  #entry(channel) {
    const isThread = THREADS.includes(channel.type);
    const pings = this.#unread.get(channel.id);
    const classes = ["channel", isThread && "thread", pings !== undefined && "unread"].filter(Boolean).join(" ");
    const sign = channel.type === DM ? avatar(this.state.bot, "small") : icon(isThread ? ICONS.thread : ICONS.hash);
    const name = channel.type === DM ? nameOf(this.state.bot) : channel.name;
    return h("button", { type: "button", class: classes, "aria-current": channel.id === this.state.channel.id ? "page" : null,
      on: { click: () => this.open(channel) } }, sign, h("span", {}, name), pings > 0 && h("b", { class: "pings", "aria-label": `${pings} mentions` }, String(pings)));
  }

  #members() {
    const { people, bot, online } = this.state;
    const entry = (user, here) => h("li", { class: here ? "" : "offline" },
      h("span", { class: "face" }, avatar(user, "small"), h("i", { class: here ? "presence online" : "presence" })),
      h("span", { class: user.bot ? "author bot" : "author" }, nameOf(user)), user.bot && h("span", { class: "badge" }, "APP"),
      h("span", { class: "hidden" }, here ? "online" : "offline"));
    const group = (heading, entries) => (entries.length ? [h("h3", {}, `${heading} — ${entries.length}`), h("ul", {}, ...entries)] : []);
    const here = people.map((user) => entry(user, true));
    $("members").replaceChildren(
      ...group("Online", online ? [...here, entry(bot, true)] : here), ...group("Offline", online ? [] : [entry(bot, false)]));
  }
}

const initials = (name) => name.split(/\s+/).map((word) => word[0]).join("").slice(0, 3);
