// A form that the bot opens over the page: text fields and menus, sent back as a whole.

import { $, h } from "./dom.js";
import { chosen, select } from "./components.js";

const KIND = { row: 1, textInput: 4, text: 10, label: 18 };
const PARAGRAPH = 2;

/** Open `modal`; `submit(values)` is called with what was entered, by custom id. It stays open if that fails. */
export function openModal(modal, botName, known, submit) {
  const dialog = $("modal");
  const fields = new Map();
  const problem = h("p", { class: "problem", role: "alert" });
  const values = () => Object.fromEntries([...fields].map(([id, field]) => [id, field.tagName === "SELECT" ? chosen(field) : field.value]));
  const send = async (event) => {
    event.preventDefault();
    try {
      await submit(values());
      dialog.close();
    } catch (error) {
      problem.textContent = error.message;
    }
  };
  dialog.replaceChildren(h("form", { on: { submit: send } },
    h("header", {}, h("img", { class: "avatar small", src: "/static/mnemo.svg", alt: "" }), h("h2", { id: "modal-title" }, modal.title)),
    h("p", { class: "warning" }, `This form will be submitted to ${botName}.`),
    ...modal.components.map((each) => part(each, fields, known)),
    problem,
    h("footer", {}, h("button", { type: "button", class: "button secondary", on: { click: () => dialog.close() } }, "Cancel"),
      h("button", { class: "button primary" }, "Submit"))));
  dialog.setAttribute("aria-labelledby", "modal-title");
  dialog.addEventListener("close", () => dialog.replaceChildren(), { once: true });
  dialog.showModal();
}

function part(data, fields, known) {
  switch (data.type) {
    case KIND.row: return h("div", {}, ...data.components.map((each) => part(each, fields, known)));
    case KIND.text: return h("div", { class: "markdown", html: data.html });
    case KIND.label: return labelled(data.label, data.description, field(data.component, fields, known));
    default: return labelled(data.label, null, field(data, fields, known));
  }
}

function labelled(name, description, input) {
  return h("label", {}, h("span", {}, name, input.required && h("i", { class: "required" }, " *")),
    description && h("small", {}, description), input);
}

function field(data, fields, known) {
  const input = data.type === KIND.textInput ? textInput(data) : select(data, known);
  input.required = data.required !== false;
  fields.set(data.custom_id, input);
  return input;
}

function textInput(data) {
  const limits = { minlength: data.min_length ? String(data.min_length) : null, maxlength: data.max_length ? String(data.max_length) : null };
  const common = { ...limits, placeholder: data.placeholder, value: data.value ?? "", data: { customId: data.custom_id } };
  return data.style === PARAGRAPH ? h("textarea", { ...common, rows: "5" }) : h("input", { type: "text", ...common });
}
