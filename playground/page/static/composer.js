// Where one writes: the text with its suggestions, whom one speaks as, what one answers or edits, files, commands.

import { $, avatar, h, icon, nameOf } from "./dom.js";
import { encoded, upload } from "./files.js";
import { Popup } from "./popup.js";
import { callable, CommandForm, knownThings, matching } from "./slash.js";

const LONGEST = 4000;
const SHOW_REST_FROM = 3800;
const TYPING_EVERY_MS = 8000;
const LARGEST_FILE = 8 * 1024 * 1024;
const MOST_FILES = 10;
const PLUS = "M11 5h2v6h6v2h-6v6h-2v-6H5v-2h6Z";
const CLOSE = "M18.3 5.7 12 12l6.3 6.3-1.4 1.4L10.6 13.4 4.3 19.7 2.9 18.3 9.2 12 2.9 5.7 4.3 4.3l6.3 6.3 6.3-6.3Z";

export class Composer {
  #reply = null;
  #editing = null;
  #files = [];
  #lastTyping = 0;
  #drafts = new Map();

  /** `actions`: say, edit, type, run, complete, become, lastOwn, fail. */
  constructor(state, actions) {
    this.state = state;
    this.actions = actions;
    this.text = h("textarea", { rows: "1", "aria-autocomplete": "list", enterkeyhint: "send", spellcheck: "true",
      on: { input: () => this.#changed(), keydown: (event) => this.#key(event), click: () => this.#suggest(),
        blur: () => this.popup.close(), paste: (event) => this.#attach(event.clipboardData.files) } });
    this.popup = new Popup(this.text);
    this.speaker = h("select", { "aria-label": "Speak as", title: "Speak as", on: { change: () => actions.become(this.speaker.value) } });
    this.face = h("span", { class: "face" });
    this.picker = h("input", { type: "file", multiple: true, hidden: true, on: { change: () => { this.#attach(this.picker.files); this.picker.value = ""; } } });
    this.rest = h("span", { class: "rest", "aria-live": "polite" });
    this.bar = h("div", { class: "bar", hidden: true });
    this.pending = h("ul", { class: "pending", "aria-label": "Files to send", hidden: true });
    this.box = h("form", { class: "box", on: { submit: (event) => { event.preventDefault(); this.#send(); } } },
      h("label", { class: "speaker" }, this.face, this.speaker),
      h("button", { type: "button", class: "icon", "aria-label": "Attach files", title: "Attach files", on: { click: () => this.picker.click() } }, icon(PLUS)),
      this.picker, this.text, this.rest);
    $("composer").append(this.popup.element, this.bar, this.pending, this.box);
    this.#takeDrops(document.querySelector("main"));
  }

  /** Files that are dragged over the channel are attached where they are let go. */
  #takeDrops(area) {
    const isFile = (event) => event.dataTransfer.types.includes("Files");
    const show = (yes) => { $("drop").hidden = !yes; };
    area.addEventListener("dragover", (event) => { if (isFile(event)) { event.preventDefault(); show(true); } });
    area.addEventListener("dragleave", (event) => { if (!area.contains(event.relatedTarget)) show(false); });
    area.addEventListener("drop", (event) => {
      if (!isFile(event)) return;
      event.preventDefault();
      show(false);
      this.#attach(event.dataTransfer.files);
      this.focus();
    });
  }

  /** The channel or the speaker changed: keep what was being written there, bring back what was being written here. */
  show() {
    const { me, people, channel } = this.state;
    this.speaker.replaceChildren(...people.map((person) => h("option", { value: person.id, selected: person.id === me.id }, nameOf(person))));
    this.face.replaceChildren(avatar(me, "small"));
    const place = `Message ${channel.label}`;
    this.text.placeholder = place;
    this.text.setAttribute("aria-label", place);
    const key = `${me.id} ${channel.id}`;
    if (key === this.place) return;
    this.#leaveCommand();
    this.#drafts.set(this.place, { text: this.text.value, files: this.#files });
    this.place = key;
    const { text, files } = this.#drafts.get(key) ?? { text: "", files: [] };
    this.#files = files;
    this.#showFiles();
    this.#clear(text);
  }

  focus() { this.text.focus(); }

  reply(message) {
    this.#clear(this.#editing ? "" : this.text.value);
    this.#reply = message;
    this.#showBar("Replying to ", h("b", {}, nameOf(message.author)));
  }

  edit(message) {
    this.#clear(this.#readable(message.content));
    this.#editing = message;
    this.#showBar("Editing your message — Escape to cancel, Enter to save");
  }

  /** Fill in a command, as if it had been picked. */
  command(command) {
    this.#clear("");
    const form = new CommandForm(command, {
      known: knownThings(this.state),
      complete: this.actions.complete,
      run: (path, options) => { this.#leaveCommand(); this.focus(); this.actions.run(path, options); },
      cancel: () => { this.#leaveCommand(); this.focus(); },
    });
    this.form = form.element;
    this.box.hidden = true;
    this.box.after(this.form);
    form.focus();
  }

  #leaveCommand() {
    this.form?.remove();
    this.form = null;
    this.box.hidden = false;
  }

  #showBar(...content) {
    this.bar.hidden = false;
    this.bar.replaceChildren(h("span", {}, ...content),
      h("button", { type: "button", class: "icon", "aria-label": "Cancel", on: { click: () => { this.#clear(this.#editing ? "" : this.text.value); this.focus(); } } }, icon(CLOSE)));
    this.focus();
  }

  #clear(text) {
    this.#reply = this.#editing = null;
    this.bar.hidden = true;
    this.text.value = text;
    this.#grow();
    this.popup.close();
  }

  #key(event) {
    if (this.popup.takeKey(event) || event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.#send();
    } else if (event.key === "Escape" && !this.bar.hidden) {
      this.#clear(this.#editing ? "" : this.text.value);
    } else if (event.key === "ArrowUp" && this.text.value === "") {
      const message = this.actions.lastOwn();
      if (message) { event.preventDefault(); this.edit(message); }
    }
  }

  #changed() {
    this.#grow();
    this.#suggest();
    if (this.text.value && !this.text.value.startsWith("/") && Date.now() - this.#lastTyping > TYPING_EVERY_MS) {
      this.#lastTyping = Date.now();
      this.actions.type();
    }
  }

  #grow() {
    this.text.style.height = "auto";
    this.text.style.height = `${this.text.scrollHeight}px`;
    const rest = LONGEST - this.text.value.length;
    this.rest.textContent = rest < LONGEST - SHOW_REST_FROM ? String(rest) : "";
    this.rest.classList.toggle("over", rest < 0);
  }

  async #send() {
    const content = this.#written(this.text.value);
    if (!content.trim() && !this.#files.length) return;
    const kept = { text: this.text.value, reply: this.#reply, editing: this.#editing, files: this.#files };
    this.#files = [];
    this.#showFiles();
    this.#clear("");
    this.#lastTyping = 0;
    try {
      if (kept.editing) await this.actions.edit(kept.editing, content);
      else await this.actions.say(content, kept.reply, await Promise.all(kept.files.map(encoded)));
    } catch (error) {
      this.actions.fail(error.message);
      if (kept.editing) this.edit(kept.editing);
      else if (kept.reply) this.reply(kept.reply);
      this.text.value = kept.text;
      this.#files = kept.files;
      this.#showFiles();
      this.#grow();
    }
  }

  #attach(files) {
    for (const file of files) {
      if (file.size > LARGEST_FILE) this.actions.fail(`${file.name} is larger than 8 MB.`);
      else if (this.#files.length === MOST_FILES) this.actions.fail(`A message has up to ${MOST_FILES} files.`);
      else this.#files.push(file);
    }
    this.#showFiles();
  }

  #showFiles() {
    this.pending.hidden = !this.#files.length;
    this.pending.replaceChildren(...this.#files.map((file) => upload(file, () => {
      this.#files = this.#files.filter((each) => each !== file);
      this.#showFiles();
    })));
  }

  #suggest() {
    const before = this.text.value.slice(0, this.text.selectionStart);
    const slash = /^\/([^\n]*)$/.exec(before);
    const mention = /(?:^|\s)@([\p{L}\p{N}_]*)$/u.exec(before);
    if (slash) this.#offerCommands(slash[1]);
    else if (mention) this.#offerPeople(mention[1]);
    else this.popup.close();
  }

  #offerCommands(typed) {
    const commands = matching(callable(this.state.commands), typed);
    this.popup.offer("Commands", commands.map((command) => ({
      content: [avatar(this.state.bot, "small"), h("b", {}, `/${command.path}`),
        ...command.options.map((option) => h("span", { class: "chip" }, option.name)), h("span", { class: "hint" }, command.description)],
      take: () => this.command(command),
    })));
  }

  #offerPeople(typed) {
    const wanted = typed.toLowerCase();
    const fits = (user) => nameOf(user).toLowerCase().startsWith(wanted) || user.username.toLowerCase().startsWith(wanted);
    const users = [this.state.bot, ...this.state.people].filter(fits);
    this.popup.offer("Members", users.map((user) => ({
      content: [avatar(user, "small"), h("b", {}, nameOf(user)), h("span", { class: "hint" }, user.username)],
      take: () => this.#complete(typed, `${nameOf(user)} `),
    })));
  }

  #complete(typed, name) {
    const at = this.text.selectionStart;
    this.text.setRangeText(name, at - typed.length, at, "end");
    this.#changed();
  }

  /** As Discord takes it: names become mentions. */
  #written(text) {
    return this.#mentions().reduce((result, { shown, written }) => result.replace(asWord(shown), written), text);
  }

  #readable(content) {
    return this.#mentions().reduce((result, { shown, written }) => result.replaceAll(written, shown), content);
  }

  #mentions() {
    const { people, bot, channels } = this.state;
    const users = [...people, bot].map((user) => ({ shown: `@${nameOf(user)}`, written: `<@${user.id}>` }));
    const named = channels.filter(({ name }) => name).map(({ id, name }) => ({ shown: `#${name}`, written: `<#${id}>` }));
    return [...users, ...named].sort((one, other) => other.shown.length - one.shown.length);
  }
}

const asWord = (text) => new RegExp(`(?<![\\p{L}\\p{N}_])${text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}(?![\\p{L}\\p{N}_-])`, "gu");
