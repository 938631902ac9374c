// Where one is: the rail of servers, the channels, oneself.

import { $, avatar, h, icon, nameOf } from "./dom.js";

const DM = 1;
const THREADS = [11, 12];
const ICONS = {
  hash: "M10 3 9.4 7H5v2h4.1l-.9 6H4v2h3.9L7.3 21h2l.6-4h5.9l-.6 4h2l.6-4H21v-2h-3.5l.9-6H22V7h-3.3l.6-4h-2l-.6 4h-5.9l.6-4Zm1.1 6H17l-.9 6h-5.9Z",
  thread: "M4 3h2v7c0 2.8 2.2 5 5 5h5.2l-2.6-2.6L15 11l5 5-5 5-1.4-1.4 2.6-2.6H11c-3.9 0-7-3.1-7-7Z",
};

export class Sidebar {
  #unread = new Map();
  /** By server: the channel in which one was last. */
  #last = new Map();

  /** `open(channel)` is called for the channel that is chosen. */
  constructor(state, open) {
    this.state = state;
    this.open = (channel) => { this.toggleDrawer(false); open(channel); };
    $("home").addEventListener("click", () => this.open(this.#direct()));
    $("scroll").addEventListener("pointerdown", () => this.toggleDrawer(false));
  }

  /** Draw everything anew. */
  show() {
    const { guild, guilds, channel, channels, me } = this.state;
    this.#unread.delete(channel.id);
    if (channel.guild_id) this.#last.set(channel.guild_id, channel.id);
    $("guild-name").textContent = guild.name;
    $("guilds").replaceChildren(...guilds.map((each) => this.#server(each)));
    $("home").setAttribute("aria-current", String(channel.type === DM));
    const rooms = channels.filter(({ guild_id: id }) => id === guild.id);
    const direct = channels.filter(({ type }) => type === DM);
    $("channels").replaceChildren(...this.#section("Text channels", rooms), ...this.#section("Direct messages", direct));
    $("me").replaceChildren(avatar(me, "small"), h("div", {}, h("b", {}, nameOf(me)), h("small", {}, me.username)));
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

  #server(guild) {
    const rooms = this.state.channels.filter(({ guild_id: id }) => id === guild.id);
    const isHere = this.state.channel.guild_id === guild.id;
    const isUnread = !isHere && rooms.some(({ id }) => this.#unread.has(id));
    const go = () => this.open(rooms.find(({ id }) => id === this.#last.get(guild.id)) ?? rooms[0]);
    return h("button", { type: "button", class: isUnread ? "server unread" : "server", title: guild.name, "aria-label": guild.name,
      "aria-current": String(isHere), disabled: rooms.length === 0, on: { click: go } }, initials(guild.name));
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
}

const initials = (name) => name.split(/\s+/).map((word) => word[0]).join("").slice(0, 3);
