// A menu at the pointer: what can be done with a message, with the bot's own commands for messages behind "Apps".

import { h, icon } from "./dom.js";

const ARROW = "m9 5 7 7-7 7-1.4-1.4L13.2 12 7.6 6.4Z";
const EDGE_PX = 8;

/**
 * Open a menu of `{ label, take }`, `{ label, items }` (another menu beside it) and null (a line) at a point. It closes by
 * itself; the focus goes back to where it was.
 */
export function openMenu(items, { x, y }) {
  const opener = document.activeElement;
  const menu = h("div", { class: "context-menu", popover: "auto", role: "menu" });
  const close = () => menu.hidePopover();
  menu.append(...entries(items, close));
  menu.addEventListener("toggle", ({ newState }) => { if (newState === "closed") { menu.remove(); opener?.focus?.(); } });
  menu.addEventListener("keydown", walk);
  document.body.append(menu);
  menu.showPopover();
  place(menu, x, y);
  menu.querySelector("button").focus();
}

function entries(items, close) {
  return items.map((item) => {
    if (!item) return h("hr");
    if (!item.items) return h("button", { type: "button", role: "menuitem", class: item.isDangerous ? "dangerous" : "", on: { click: () => { close(); item.take(); } } }, item.label);
    const more = h("div", { class: "submenu", role: "menu", "aria-label": item.label }, ...entries(item.items, close));
    return h("div", { class: "parent" }, h("button", { type: "button", role: "menuitem", "aria-haspopup": "menu", on: { click: () => more.querySelector("button").focus() } }, item.label, icon(ARROW)), more);
  });
}

function place(menu, x, y) {
  const { width, height } = menu.getBoundingClientRect();
  menu.style.left = `${Math.max(EDGE_PX, Math.min(x, innerWidth - width - EDGE_PX))}px`;
  menu.style.top = `${Math.max(EDGE_PX, Math.min(y, innerHeight - height - EDGE_PX))}px`;
  menu.classList.toggle("leftward", x + 2 * width > innerWidth);
}

function walk(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const buttons = [...event.currentTarget.querySelectorAll("button")].filter((each) => each.offsetParent);
  buttons.at((buttons.indexOf(document.activeElement) + step) % buttons.length)?.focus();
}
