// The page as a whole: its state, what the little Discord tells, and what the person who looks at it does.

import { $, h, nameOf } from "./dom.js";
import { Composer } from "./composer.js";
import { isEphemeral, isNotice } from "./message.js";
import { MessageList } from "./messages.js";
import { Members } from "./members.js";
import { openMenu } from "./menu.js";
import { askForText, openModal } from "./modal.js";
import { PromptPanel } from "./prompt.js";
import { knownThings } from "./slash.js";
import { Sidebar } from "./sidebar.js";
import { Socket } from "./socket.js";
import { Typing } from "./typing.js";
import { showNotice } from "./notices.js";

const MESSAGE_COMMAND = 3;
const MODAL_SUBMIT = 5;
const AUTOCOMPLETE = 4;

const state = {
  me: null, people: [], bot: null, online: false, guilds: [], guildId: null, channels: [], channel: null, commands: [],
  /** Where one is, or was before one looked into direct messages. */
  get guild() { return this.guilds.find(({ id }) => id === this.guildId) ?? this.guilds[0]; },
};
const known = knownThings(state);
/** The id of a channel to be opened as soon as it is there. */
let wanted = null;

const socket = new Socket(hear, connected);
const actions = {
  known,
  reply: (message) => composer.reply(message),
  edit: (message) => composer.edit(message),
  remove: (message) => about(message, "delete"),
  dismiss: (message) => about(message, "delete"),
  jump: (id) => messages.jump(id),
  open: (id) => open(state.channels.find((channel) => channel.id === id) ?? state.channel).catch(fail),
  react: (message, emoji) => about(message, message.reactions.find((each) => each.emoji.name === emoji)?.me ? "unreact" : "react", { emoji }),
  mayDelete: () => state.channel.may_delete,
  appsFor: () => state.commands.filter((command) => command.type === MESSAGE_COMMAND),
  runApp: (message, app) => about(message, "menu", { name: app.name }),
  openMenu,
  use: (message, customId, values, control) => use(message, customId, values, control),
};
const messages = new MessageList(
  { get me() { return state.me; }, actions },
  (before) => socket.ask("history", { channel: state.channel.id, before }),
);
const composer = new Composer(state, {
  say: (content, reply, files) => {
    messages.toEnd();
    return here("say", { content, reply_to: reply?.id ?? null, files });
  },
  edit: (message, content) => socket.ask("edit", { channel: message.channel_id, message: message.id, content }),
  type: () => here("type").catch(() => {}),
  run: (path, options) => here("slash", { path, options }).catch(fail),
  complete: (path, option, options) => here("complete", { path, option, options }).catch(() => []),
  become: (id) => { localStorage.setItem("me", id); socket.connect(id); },
  lastOwn: () => messages.findLast((message) => message.author.id === state.me.id && !isEphemeral(message) && !isNotice(message)),
  fail: (sentence) => showNotice(sentence),
});
const sidebar = new Sidebar(state, open);
const members = new Members(state, (guild, user, roles) => socket.ask("roles", { guild, user, roles }).catch(fail));
const typing = new Typing(state);
const prompt = new PromptPanel((channel) => socket.ask("prompt", { channel }));

const here = (action, fields = {}) => socket.ask(action, { channel: state.channel.id, ...fields });
const about = (message, action, fields = {}) =>
  socket.ask(action, { channel: message.channel_id, message: message.id, ...fields }).catch(fail);
const fail = (error) => showNotice(error.message);

/** A button or menu was used; it waits until the bot has answered, or not. */
async function use(message, customId, values, control) {
  control.classList.add("busy");
  const started = await about(message, "click", { custom_id: customId, values });
  if (!started) control.classList.remove("busy");
}

async function open(channel) {
  state.channel = channel;
  state.guildId = channel.guild_id ?? state.guildId;
  location.hash = channel.id;
  showPlaces();
  composer.show();
  typing.clear();
  prompt.follow(channel);
  $("title").textContent = channel.label;
  $("topic").textContent = channel.topic ?? "";
  $("scroll").setAttribute("aria-label", `Messages in ${channel.label}`);
  document.title = `${channel.label} — Mnemo Playground`;
  const [history, commands] = await Promise.all([
    socket.ask("history", { channel: channel.id }), socket.ask("commands", { channel: channel.id })]);
  if (state.channel.id !== channel.id) return;
  state.commands = commands;
  messages.show(history, beginning(channel));
  history.typing.forEach((id) => typing.start(id));
}

function beginning(channel) {
  const bot = `@${nameOf(state.bot)}`;
  const hint = channel.name
    ? [`Write `, h("span", { class: "mention" }, bot), ` to talk with it, or reply to one of its messages. Type / for its commands.`]
    : [`Everything that you write here is answered. Type / for commands.`];
  return [h("h3", {}, channel.name ? `Welcome to ${channel.label}!` : nameOf(state.bot)), h("p", {}, ...hint)];
}

function connected(yes) {
  $("connection").hidden = yes;
  $("connection").textContent = yes ? "" : "The playground does not answer. Is `make play` still running? Trying again…";
}

/** What the little Discord tells this person. */
function hear(kind, data) {
  if (kind === "WELCOME") return welcome(data);
  if (data?.channel_id && data.channel_id !== state.channel?.id) return elsewhere(kind, data);
  switch (kind) {
    case "MESSAGE_CREATE": typing.stop(data.author.id); messages.upsert(data); break;
    case "MESSAGE_UPDATE": changed(data); break;
    case "MESSAGE_DELETE": messages.remove(data.id); break;
    case "MESSAGE_DELETE_BULK": data.ids.forEach((id) => messages.remove(id)); break;
    case "MESSAGE_REACTION_ADD": case "MESSAGE_REACTION_REMOVE": react(data, kind === "MESSAGE_REACTION_ADD"); break;
    case "TYPING_START": typing.start(data.user_id); break;
    case "INTERACTION_UPDATE": progress(data); break;
    case "PROMPT": prompt.show(data); break;
    case "CHANNELS": channels(data); break;
    case "GUILDS": state.guilds = data; learnCommands(); break; // CHANNELS follows, and shows both
    case "COMMANDS_UPDATE": learnCommands(); break;
    case "BOT_STATUS": state.online = data.online; showBotStatus(); break;
  }
}

/** Which there are, and which this person is offered here. */
function learnCommands() {
  here("commands").then((commands) => { state.commands = commands; }, fail);
}

function elsewhere(kind, data) {
  if (kind === "MESSAGE_CREATE" && data.author.id !== state.me.id) sidebar.unread(data.channel_id, data.mentions.some(({ id }) => id === state.me.id));
}

function welcome(data) {
  const before = state.channel;
  Object.assign(state, data);
  open(sameChannel(before)).catch(fail);
  showBotStatus();
}

/** Where one was, also after a break or as somebody else, whose direct messages are others. */
function sameChannel(before) {
  if (before && !before.name) return state.channels.find(({ name }) => !name);
  const same = before?.id ?? location.hash.slice(1);
  return state.channels.find(({ id }) => id === same) ?? state.channels[0];
}

function showBotStatus() {
  $("status").hidden = state.online;
  $("status").textContent = state.online ? "" : `${nameOf(state.bot)} is offline.`;
  showPlaces();
}

function showPlaces() {
  sidebar.show();
  members.show();
}

function channels(list) {
  state.channels = list;
  if (openWanted()) return;
  const same = list.find(({ id }) => id === state.channel.id);
  if (!same) return open(list[0]).catch(fail);
  state.channel = same;
  showPlaces();
}

/** The event counts reactions as the bot sees them; ours are kept. What has not been loaded is not shown. */
function changed(message) {
  const shown = messages.get(message.id);
  if (shown) messages.upsert({ ...message, reactions: shown.reactions });
}

function react({ message_id: id, user_id: user, emoji }, added) {
  const message = messages.get(id);
  if (!message) return;
  const reactions = message.reactions ?? [];
  const old = reactions.find((each) => each.emoji.name === emoji.name) ?? { emoji, count: 0, me: false };
  const fresh = { ...old, count: old.count + (added ? 1 : -1), me: user === state.me.id ? added : old.me };
  const others = reactions.map((each) => (each === old ? fresh : each));
  const all = reactions.includes(old) ? others : [...others, fresh];
  messages.upsert({ ...message, reactions: all.filter(({ count }) => count > 0) });
}

/** Something that this person started goes on: a form opens, or nobody answered. */
function progress({ state: now, type, modal, source_message_id: source }) {
  if (type === AUTOCOMPLETE || now === "pending") return;
  const item = source && messages.item(source);
  item?.querySelectorAll(".busy").forEach((control) => control.classList.remove("busy"));
  if (modal) openModal(modal, nameOf(state.bot), known, (values) => socket.ask("submit", { modal, values }));
  if (now !== "failed") return;
  if (type === MODAL_SUBMIT || !source) showNotice(`${nameOf(state.bot)} — The application did not respond.`);
  else item?.querySelector(".components")?.append(h("p", { class: "problem", role: "alert" }, "This interaction failed"));
}

/** A new server, which the bot joins: where one sees what it says first. */
async function found(name) {
  wanted = (await socket.ask("found", { name })).channel_id;
  openWanted();
}

/** The answer may come before the channel is told of. */
function openWanted() {
  const channel = state.channels.find(({ id }) => id === wanted);
  if (!channel) return false;
  wanted = null;
  open(channel).catch(fail);
  return true;
}

$("found").addEventListener("click", () => askForText("Add Mnemo to a new server", "Server name",
  "You own it, everyone here is in it, and Mnemo joins it at once.", (name) => found(name).catch(fail)));
$("drawer").addEventListener("click", () => sidebar.toggleDrawer());
document.addEventListener("keydown", (event) => {
  const typed = event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey;
  if (typed && document.activeElement === document.body) composer.focus();
});
socket.connect(localStorage.getItem("me") ?? "");
