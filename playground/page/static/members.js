// Who is in the server, and a card on each with the roles they have, which whoever plays gives and takes.

import { $, avatar, h, nameOf } from "./dom.js";

const EDGE_PX = 8;

export class Members {
  #card = null;

  /** `setRoles(guild, user, roles)` is asked for when a role is given or taken. */
  constructor(state, setRoles) {
    this.state = state;
    this.setRoles = setRoles;
  }

  show() {
    const { people, bot, online, guild } = this.state;
    const inside = new Set(guild.members.map(({ id }) => id));
    const here = people.filter(({ id }) => inside.has(id));
    const bots = inside.has(bot.id) ? [bot] : [];
    $("members").replaceChildren(
      ...this.#group("Online", online ? [...here, ...bots] : here, true), ...this.#group("Offline", online ? [] : bots, false));
    if (this.#card) this.#fill(this.#card);
  }

  #group(heading, users, isHere) {
    if (!users.length) return [];
    return [h("h3", {}, `${heading} — ${users.length}`), h("ul", {}, ...users.map((user) => this.#entry(user, isHere)))];
  }

  #entry(user, isHere) {
    return h("li", { class: isHere ? "" : "offline" }, h("button", { type: "button", on: { click: (event) => this.#open(user, event.currentTarget) } },
      h("span", { class: "face" }, avatar(user, "small"), h("i", { class: isHere ? "presence online" : "presence" })),
      h("span", { class: user.bot ? "author bot" : "author" }, nameOf(user)), user.bot && h("span", { class: "badge" }, "APP"),
      h("span", { class: "hidden" }, isHere ? "online" : "offline")));
  }

  #open(user, entry) {
    const element = h("div", { class: "profile", popover: "auto", role: "dialog", "aria-label": nameOf(user),
      on: { toggle: ({ newState }) => { if (newState === "closed") { element.remove(); this.#card = null; } } } });
    this.#card = { user, element };
    this.#fill(this.#card);
    document.body.append(element);
    element.showPopover();
    const { top, left } = entry.getBoundingClientRect();
    element.style.left = `${left - element.offsetWidth - EDGE_PX}px`;
    element.style.top = `${Math.max(EDGE_PX, Math.min(top, innerHeight - element.offsetHeight - EDGE_PX))}px`;
  }

  #fill({ user, element }) {
    const { guild } = this.state;
    const own = guild.members.find(({ id }) => id === user.id)?.roles ?? [];
    const role = ({ id, name, managed }) => h("label", {}, h("input", { type: "checkbox", checked: own.includes(id), disabled: managed,
      on: { change: (event) => this.setRoles(guild.id, user.id, event.target.checked ? [...own, id] : own.filter((each) => each !== id)) } }), name);
    element.replaceChildren(h("i", { class: "banner", "aria-hidden": "true" }), h("div", { class: "face" }, avatar(user)), h("h3", {}, nameOf(user)),
      h("p", {}, user.username, guild.owner_id === user.id && " · owns this server, and may do everything here"),
      h("fieldset", {}, h("legend", {}, "Roles"), ...guild.roles.filter(({ id, managed }) => id !== guild.id && (!managed || own.includes(id))).map(role)));
  }
}
