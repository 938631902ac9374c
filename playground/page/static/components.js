// What a message carries beside its text: buttons, menus and the layouts that hold them. The server decides what a
// click does; here it is only shown and passed on through `actions.use`.

import { h } from "./dom.js";
import { card, elsewhere, image, picture, veiled } from "./files.js";
import { select } from "./select.js";

const KIND = { row: 1, button: 2, section: 9, text: 10, thumbnail: 11, gallery: 12, file: 13, separator: 14, container: 17 };
const BUTTON_STYLES = { 1: "primary", 2: "secondary", 3: "success", 4: "danger", 5: "secondary" };
const LINK_STYLE = 5;
const LARGE_SPACING = 2;

/** All components of a message. */
export function componentTree(message, actions) {
  if (!message.components.length) return null;
  return h("div", { class: "components" }, ...message.components.map((each) => component(each, message, actions)));
}

function component(data, message, actions) {
  const inner = () => data.components.map((each) => component(each, message, actions));
  switch (data.type) {
    case KIND.row: return h("div", { class: "row" }, ...inner());
    case KIND.button: return button(data, message, actions);
    case KIND.text: return h("div", { class: "markdown", html: data.html });
    case KIND.separator: return separator(data);
    case KIND.section: return h("div", { class: "section" }, h("div", { class: "stack" }, ...inner()), component(data.accessory, message, actions));
    case KIND.container: return container(data, inner());
    case KIND.thumbnail: return veiled(media(data.media, data.description, "thumbnail"), data.spoiler);
    case KIND.gallery: return gallery(data.items);
    case KIND.file: return veiled(card(data.file.path, data.name, data.size), data.spoiler);
    default: return menu(data, message, actions);
  }
}

function separator({ divider, spacing }) {
  const large = spacing === LARGE_SPACING ? "large" : "";
  return divider ? h("hr", { class: `separator ${large}` }) : h("div", { class: `separator ${large}`, "aria-hidden": "true" });
}

function container(data, children) {
  const box = h("div", { class: "container stack" }, ...children);
  if (data.accent_color !== null) {
    box.classList.add("accented");
    box.style.setProperty("--accent", `#${data.accent_color.toString(16).padStart(6, "0")}`);
  }
  return veiled(box, data.spoiler);
}

function media(item, description, kind) {
  if (!item.path) return elsewhere(item, description);
  return kind ? h("a", { class: kind, href: item.path, target: "_blank", rel: "noopener" }, image(item, description)) : picture(item, description);
}

/** One picture keeps its shape; several are cut to tiles, as many in a row as their number asks for. */
function gallery(items) {
  const columns = items.length === 1 ? 1 : [2, 4].includes(items.length) ? 2 : 3;
  const box = h("div", { class: "gallery", data: { columns: String(columns) } },
    ...items.map((item) => veiled(media(item.media, item.description), item.spoiler)));
  return box;
}

function label(data) {
  return [data.emoji && h("span", { class: "emoji" }, data.emoji.name), data.label];
}

function button(data, message, actions) {
  const style = `button ${BUTTON_STYLES[data.style]}`;
  if (data.style === LINK_STYLE) {
    return h("a", { class: style, href: /^https?:/i.test(data.url) && !data.disabled ? data.url : null, target: "_blank",
      rel: "noopener noreferrer", "aria-disabled": String(Boolean(data.disabled)) }, ...label(data), h("span", { "aria-hidden": "true" }, "↗"));
  }
  const element = h("button", { type: "button", class: style, disabled: Boolean(data.disabled), data: { customId: data.custom_id } }, ...label(data));
  element.addEventListener("click", () => actions.use(message, data.custom_id, null, element));
  return element;
}

function menu(data, message, actions) {
  const element = select(data, actions.known, (values) => actions.use(message, data.custom_id, values, element));
  return element;
}
