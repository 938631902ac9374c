// A form that the bot opens over the page: text fields and menus, sent back as a whole.

import { $, h } from "./dom.js";
import { select } from "./select.js";

const KIND = { row: 1, textInput: 4, text: 10, label: 18 };
const PARAGRAPH = 2;

/** Open `modal`; `submit(values)` is called with what was entered, by custom id. It stays open if that fails. */
export function openModal(modal, botName, known, submit) {
  const dialog = $("modal");
  const fields = new Map();
  const problem = h("p", { class: "problem", role: "alert" });
  const values = () => Object.fromEntries([...fields].map(([id, field]) => [id, field.values ?? field.value]));
  const send = async (event) => {
    event.preventDefault();
    try {
      await submit(values());
      dialog.close();
    } catch (error) {
      problem.textContent = error.message;
    }
  };
  show(dialog, modal.title, h("form", { on: { submit: send } },
    h("div", { class: "fields" },
      h("p", { class: "warning" }, `This form will be submitted to ${botName}. Do not share passwords or other sensitive information.`),
      ...modal.components.map((each) => part(each, fields, known)), problem),
    h("footer", {}, h("button", { type: "button", class: "button secondary", on: { click: () => dialog.close() } }, "Cancel"),
      h("button", { class: "button primary" }, "Submit"))));
}

/** Ask for one line of text; `submit(text)` is called with it. */
export function askForText(title, label, hint, submit) {
  const dialog = $("modal");
  const input = h("input", { type: "text", required: true, minlength: "2", maxlength: "100" });
  show(dialog, title, h("form", { on: { submit: (event) => { event.preventDefault(); dialog.close(); submit(input.value.trim()); } } },
    h("div", { class: "fields" }, labelled(label, hint, input)),
    h("footer", {}, h("button", { type: "button", class: "button secondary", on: { click: () => dialog.close() } }, "Cancel"),
      h("button", { class: "button primary" }, "Create"))));
}

function show(dialog, title, form) {
  dialog.replaceChildren(h("header", {}, h("img", { class: "avatar small", src: "/static/mnemo.svg", alt: "" }), h("h2", { id: "modal-title" }, title)), form);
  dialog.setAttribute("aria-labelledby", "modal-title");
  dialog.addEventListener("close", () => dialog.replaceChildren(), { once: true });
  dialog.showModal();
  dialog.querySelector(".fields :is(input, textarea, .select-field)")?.focus();
}

function part(data, fields, known) {
  switch (data.type) {
    case KIND.row: return h("div", {}, ...data.components.map((each) => part(each, fields, known)));
    case KIND.text: return h("div", { class: "markdown", html: data.html });
    case KIND.label: return labelled(data.label, data.description, field(data.component, fields, known), data.component);
    default: return labelled(data.label, null, field(data, fields, known), data);
  }
}

/** A menu is no form field of the browser's, so it is named by the label instead of wrapped in it. */
function labelled(name, description, input, data = {}) {
  const title = h("span", {}, name, data.required !== false && h("i", { class: "required" }, " *"));
  const rest = data.max_length && h("small", { class: "rest", "aria-live": "polite" });
  if (rest) {
    const count = () => { rest.textContent = `${input.value.length.toLocaleString()} / ${data.max_length.toLocaleString()}`; };
    input.addEventListener("input", count);
    count();
  }
  const parts = [title, description && h("small", {}, description), input, rest];
  return input.values ? h("div", { class: "label", role: "group", "aria-label": name }, ...parts) : h("label", { class: "label" }, ...parts);
}

function field(data, fields, known) {
  const input = data.type === KIND.textInput ? textInput(data) : select(data, known);
  fields.set(data.custom_id, input);
  return input;
}

function textInput(data) {
  const limits = { minlength: data.min_length ? String(data.min_length) : null, maxlength: data.max_length ? String(data.max_length) : null };
  const common = { ...limits, placeholder: data.placeholder, value: data.value ?? "", required: data.required !== false, data: { customId: data.custom_id } };
  return data.style === PARAGRAPH ? h("textarea", { ...common, rows: "6" }) : h("input", { type: "text", ...common });
}
