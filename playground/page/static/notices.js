// What comes and goes over the page: a sentence about something that did not work.

import { h } from "./dom.js";

const NOTICE_MS = 6000;

/** Say a sentence for a while. */
export function showNotice(sentence) {
  document.querySelector(".toast")?.remove();
  const toast = h("p", { class: "toast", role: "alert" }, sentence);
  document.body.append(toast);
  setTimeout(() => toast.remove(), NOTICE_MS);
}
