// What comes and goes over the page: a sentence about something that did not work, and the menu of a message's commands.

import { h } from "./dom.js";

const NOTICE_MS = 6000;

/** Say a sentence for a while. */
export function showNotice(sentence) {
  document.querySelector(".toast")?.remove();
  const toast = h("p", { class: "toast", role: "alert" }, sentence);
  document.body.append(toast);
  setTimeout(() => toast.remove(), NOTICE_MS);
}

/** Offer the commands of a message's menu below `button`. */
export function showAppMenu(apps, button, take) {
  document.querySelector(".app-menu")?.close();
  const choose = (app) => { menu.close(); take(app); };
  const menu = h("dialog", { class: "app-menu", "aria-label": "Apps" }, h("p", { class: "heading" }, "Apps"),
    ...apps.map((app) => h("button", { type: "button", on: { click: () => choose(app) } }, app.name)));
  menu.addEventListener("close", () => { menu.remove(); button.focus(); });
  menu.addEventListener("click", (event) => { if (event.target === menu) menu.close(); });
  document.body.append(menu);
  menu.showModal();
  const { bottom, right } = button.getBoundingClientRect();
  menu.style.top = `${Math.min(bottom + 4, innerHeight - menu.offsetHeight - 8)}px`;
  menu.style.left = `${Math.max(8, right - menu.offsetWidth)}px`;
}
