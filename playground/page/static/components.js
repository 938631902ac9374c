// What a message carries beside its text: buttons, menus and the layouts that hold them. The server decides what a
// click does; here it is only shown and passed on through `actions.use`.

import { h } from "./dom.js";

const KIND = {
  row: 1, button: 2, stringSelect: 3, userSelect: 5, roleSelect: 6, mentionableSelect: 7, channelSelect: 8,
  section: 9, text: 10, thumbnail: 11, gallery: 12, file: 13, separator: 14, container: 17,
};
const BUTTON_STYLES = { 1: "primary", 2: "secondary", 3: "success", 4: "danger", 5: "secondary" };
const LINK_STYLE = 5;

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
    case KIND.separator: return data.divider === false ? h("div", { class: "gap" }) : h("hr");
    case KIND.section: return h("div", { class: "section" }, h("div", {}, ...inner()), component(data.accessory, message, actions));
    case KIND.container: return container(data, inner());
    case KIND.thumbnail: return media(data.media, data.description);
    case KIND.gallery: return h("div", { class: "gallery" }, ...data.items.map((item) => media(item.media, item.description)));
    case KIND.file: return h("p", { class: "file" }, data.file.url);
    default: return menu(data, message, actions);
  }
}

function container(data, children) {
  const box = h("div", { class: "container" }, ...children);
  if (data.accent_color) box.style.borderLeftColor = `#${data.accent_color.toString(16).padStart(6, "0")}`;
  return box;
}

/** The page loads nothing from elsewhere, so a picture that lies there is named instead of shown. */
const media = (item, description) => h("p", { class: "file" }, description ?? item.url);

function label(data) {
  return [data.emoji && h("span", { class: "emoji" }, data.emoji.name), data.label];
}

function button(data, message, actions) {
  if (data.style === LINK_STYLE) {
    return h("a", { class: "button secondary", href: /^https?:/i.test(data.url) ? data.url : null, target: "_blank",
      rel: "noopener noreferrer" }, ...label(data), " ↗");
  }
  const element = h("button", { type: "button", class: `button ${BUTTON_STYLES[data.style]}`, disabled: Boolean(data.disabled),
    data: { customId: data.custom_id } }, ...label(data));
  element.addEventListener("click", () => actions.use(message, data.custom_id, null, element));
  return element;
}

/** What can be chosen: given by the bot, or the people and channels that there are. */
function choices(data, known) {
  const people = () => known.users().map(({ id, name }) => ({ value: id, label: `@${name}` }));
  switch (data.type) {
    case KIND.stringSelect: return data.options;
    case KIND.channelSelect: return known.channels().map(({ id, name }) => ({ value: id, label: `#${name}` }));
    case KIND.roleSelect: return known.roles().map(({ id, name }) => ({ value: id, label: `@${name}` }));
    default: return people();
  }
}

function options(data, known) {
  const preset = new Set((data.default_values ?? []).map((each) => each.id));
  return choices(data, known).map((choice) =>
    h("option", { value: choice.value, defaultSelected: Boolean(choice.default) || preset.has(choice.value), title: choice.description },
      `${choice.emoji ? `${choice.emoji.name} ` : ""}${choice.label}${choice.description ? ` — ${choice.description}` : ""}`));
}

const isMultiple = (data) => (data.max_values ?? 1) > 1;

/** A <select> for a menu, in a message or in a modal; `chosen` reads it. */
export function select(data, known) {
  const list = h("select", { "aria-label": data.placeholder ?? "Make a selection", multiple: isMultiple(data),
    disabled: Boolean(data.disabled), data: { customId: data.custom_id } }, ...options(data, known));
  const preset = [...list.options].some((option) => option.defaultSelected);
  if (!isMultiple(data) && !preset) {
    list.prepend(h("option", { value: "" }, data.placeholder ?? "Make a selection"));
    list.selectedIndex = 0;
  }
  return list;
}

export const chosen = (list) => [...list.selectedOptions].map((option) => option.value).filter(Boolean);

function menu(data, message, actions) {
  const list = select(data, actions.known);
  const send = () => actions.use(message, data.custom_id, chosen(list), list);
  if (!isMultiple(data)) {
    list.addEventListener("change", send);
    return h("div", { class: "menu" }, list);
  }
  const done = h("button", { type: "button", class: "button secondary", disabled: Boolean(data.disabled), on: { click: send } }, "Choose");
  return h("div", { class: "menu" }, list, done);
}
