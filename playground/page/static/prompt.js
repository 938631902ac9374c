// The panel beside the chat: what the model would see now, as the bot reports it, and what each part of it costs.

import { $, h } from "./dom.js";

const MEANINGS = {
  persona: "who it is told to be",
  summary: "of what is further back",
  pinned: "what people pinned, further back",
  window: "the newest turns, verbatim",
  recalled: "passages from further back",
  newest: "what was said last",
};
/** A longer text is folded. */
const FOLDED_CHARACTERS = 200;
const FOLDED_LINES = 5;
const ESCAPE = "Escape";

export class PromptPanel {
  #panel = $("prompt");
  #toggle = $("prompt-toggle");
  #channel = null;
  #sent = [];

  /** `ask(id)` resolves to what the model would see in a channel; from then on `show` is told of changes. `ask(null)` ends it. */
  constructor(ask) {
    this.ask = ask;
    this.#toggle.addEventListener("click", () => this.#open(this.#panel.hidden));
    $("prompt-close").addEventListener("click", () => this.#close());
    this.#panel.addEventListener("keydown", ({ key }) => { if (key === ESCAPE) this.#close(); });
  }

  /** Another channel is open; what was shown is of the one before. */
  follow(channel) {
    const isOther = channel.id !== this.#channel?.id;
    this.#channel = channel;
    if (this.#panel.hidden) return;
    if (isOther) this.#say("Asking Mnemo…");
    this.ask(channel.id).then((answer) => this.show(answer), (error) => this.#say(error.message));
  }

  /** The bot's answer: a report, or a sentence that says why there is none. */
  show({ channel_id: id, report, sentence }) {
    if (this.#panel.hidden || id !== this.#channel.id) return;
    if (!report) return this.#say(sentence);
    this.#say("");
    const { total, budget, model, policy } = report;
    $("prompt-model").textContent = `${model} · ${policy}`;
    $("prompt-total").replaceChildren(h("b", {}, number(total)), ` of ${number(budget)} tokens`, h("span", {}, percent(total, budget)));
    $("prompt-meter").replaceChildren(...report.parts.map((part) => segment(part, Math.max(budget, total))));
    $("prompt-parts").replaceChildren(...report.parts.map((part) => row(part, budget)));
    $("prompt-cache").replaceChildren(...cache(report.cache_reusable_tokens));
    this.#list(report.messages ?? [{ role: "text", content: report.text }, { role: "stops at", content: report.stop.join("\n") }]);
  }

  #open(yes) {
    this.#panel.hidden = !yes;
    document.body.classList.toggle("prompt-open", yes);
    this.#toggle.setAttribute("aria-expanded", String(yes));
    if (!yes) return this.ask(null).catch(() => {});
    this.#say("Asking Mnemo…");
    if (this.#channel) this.follow(this.#channel);
  }

  #close() {
    this.#open(false);
    this.#toggle.focus();
  }

  /** Say a sentence in place of a report; "": there is a report. */
  #say(sentence) {
    $("prompt-sentence").textContent = sentence;
    $("prompt-report").hidden = sentence !== "";
  }

  /** A text that stands where it stood keeps its element: whether it is unfolded, and the focus. Prompts grow at their end. */
  #list(messages) {
    const list = $("prompt-messages");
    messages.forEach((message, index) => {
      const old = this.#sent[index];
      if (old?.role === message.role && old.content === message.content) return;
      const item = entry(message);
      if (old) list.children[index].replaceWith(item);
      else list.append(item);
    });
    while (list.children.length > messages.length) list.lastElementChild.remove();
    this.#sent = messages;
  }
}

const number = (count) => count.toLocaleString();

const percent = (tokens, budget) => (tokens / budget).toLocaleString(undefined, { style: "percent", maximumFractionDigits: tokens / budget < 0.1 ? 1 : 0 });

function segment({ name, tokens }, whole) {
  const piece = h("i", { class: `part-${name}`, title: `${name}: ${number(tokens)} tokens`, hidden: tokens === 0 });
  piece.style.flexBasis = `${100 * tokens / whole}%`;
  return piece;
}

function row({ name, tokens }, budget) {
  return h("tr", { class: tokens ? "" : "empty", data: { part: name } },
    h("th", { scope: "row" }, h("i", { class: `part-${name}`, "aria-hidden": "true" }), h("b", {}, name), h("small", {}, MEANINGS[name] ?? "")),
    h("td", {}, number(tokens)), h("td", {}, percent(tokens, budget)));
}

function cache(reusable) {
  if (!reusable) return ["Too short for a provider’s cache to reuse any of it."];
  return ["A provider’s cache could reuse the first ", h("b", {}, `${number(reusable)} tokens`), "."];
}

function entry({ role, content }) {
  const text = h("p", {}, content);
  const item = h("li", { data: { role } }, h("h4", {}, role), text);
  if (content.length <= FOLDED_CHARACTERS && content.split("\n").length <= FOLDED_LINES) return item;
  const label = `Show all ${number(content.length)} characters`;
  const unfold = h("button", { type: "button", class: "link", "aria-expanded": "false", on: { click: () => {
    const folded = text.classList.toggle("folded");
    unfold.setAttribute("aria-expanded", String(!folded));
    unfold.textContent = folded ? label : "Show less";
  } } }, label);
  text.classList.add("folded");
  item.append(unfold);
  return item;
}
