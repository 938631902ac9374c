// One message as an element. What can be done with it is handed in as `actions`; where it stands is for messages.js.

import { avatar, clockTime, friendlyTime, fullTime, h, icon, nameOf, wordTimes } from "./dom.js";
import { componentTree } from "./components.js";
import { attachment } from "./files.js";

const FLAGS = { ephemeral: 1 << 6, loading: 1 << 7, componentsV2: 1 << 15 };
const TYPES = { threadCreated: 18, reply: 19, contextMenu: 23 };
/** The bot's mark behind a text that goes on; what Markdown has open there is closed behind it. */
const WRITING = /▌[\s`*_~|]*$/;
const ICONS = {
  reply: "M10 8V4L2 11.5 10 19v-4.2c5.5 0 9.3 1.8 12 5.7-1-5.7-4-11.4-12-12.5Z",
  edit: "M3 17.2V21h3.8L17.9 9.9l-3.8-3.8ZM20.7 7a1 1 0 0 0 0-1.4l-2.3-2.3a1 1 0 0 0-1.4 0l-1.8 1.8 3.7 3.7Z",
  remove: "M6 19a2 2 0 0 0 2 2h8a2 2 0 0 0 2-2V7H6ZM19 4h-3.5l-1-1h-5l-1 1H5v2h14Z",
  more: "M5 10a2 2 0 1 0 0 4 2 2 0 0 0 0-4Zm7 0a2 2 0 1 0 0 4 2 2 0 0 0 0-4Zm7 0a2 2 0 1 0 0 4 2 2 0 0 0 0-4Z",
  eye: "M12 5C6 5 2 12 2 12s4 7 10 7 10-7 10-7-4-7-10-7Zm0 11a4 4 0 1 1 0-8 4 4 0 0 1 0 8Zm0-2a2 2 0 1 0 0-4 2 2 0 0 0 0 4Z",
};
/** What Discord itself says, in its author's name. */
const NOTICES = { [TYPES.threadCreated]: (message) => `started a thread: ${message.content}` };
const EMOJI_ONLY = /^(?:\p{Extended_Pictographic}|\p{Emoji_Modifier}|\p{Regional_Indicator}|\u200d|\ufe0f|\s){1,40}$/u;

export const isEphemeral = (message) => Boolean(message.flags & FLAGS.ephemeral);
/** Its attachments are shown where the layout has a place for them. */
const isLayout = (message) => Boolean(message.flags & FLAGS.componentsV2);
export const isNotice = (message) => message.type in NOTICES;
export const isWriting = (message) => WRITING.test(message.content);

/** Whether a message shows its author even below another one by the same. */
export const startsAnew = (message) =>
  message.type === TYPES.reply || isNotice(message) || Boolean(message.interaction_metadata) || isEphemeral(message);

/** Fill `item` (an <li>) with `message`, in place of what it showed. `me` is the person who looks. */
export function fill(item, message, { me, actions }) {
  const pinged = message.mention_everyone || message.mentions.some((user) => user.id === me.id);
  item.classList.toggle("mentioned", pinged && message.author.id !== me.id);
  item.classList.toggle("ephemeral", isEphemeral(message));
  item.setAttribute("aria-busy", String(isWriting(message)));
  item.replaceChildren(
    ...above(message, actions),
    h("div", { class: "avatar-cell" }, avatar(message.author), shortTime(message)),
    h("div", { class: "body" }, heading(message), ...contents(message, actions)),
    ...toolbar(message, me, actions),
  );
  wordTimes(item);
}

function shortTime(message) {
  const sent = new Date(message.timestamp);
  return h("time", { class: "short-time", datetime: message.timestamp, title: fullTime(sent) }, clockTime(sent));
}

function heading(message) {
  const sent = new Date(message.timestamp);
  return h("h3", { class: "heading" },
    h("span", { class: message.author.bot ? "author bot" : "author" }, nameOf(message.author)),
    message.author.bot && h("span", { class: "badge", title: "A program, not a person" }, "APP"),
    h("time", { datetime: message.timestamp, title: fullTime(sent) }, friendlyTime(sent)));
}

/** The small line above a message: what it answers, or which command it came from. */
function above(message, actions) {
  const used = message.interaction_metadata;
  if (used?.name) {
    const what = message.type === TYPES.contextMenu ? used.name : `/${used.name}`;
    return [h("div", { class: "above" }, avatar(used.user, "tiny"), h("b", {}, nameOf(used.user)), " used ",
      h("span", { class: "mention" }, what))];
  }
  if (!message.message_reference || message.type !== TYPES.reply) return [];
  const original = message.referenced_message;
  if (!original) return [h("div", { class: "above" }, h("i", {}, "Original message was deleted"))];
  const jump = () => actions.jump(original.id);
  return [h("div", { class: "above" }, avatar(original.author, "tiny"),
    h("b", {}, `${message.mentions.some((user) => user.id === original.author.id) ? "@" : ""}${nameOf(original.author)}`),
    h("button", { type: "button", class: "quoted", on: { click: jump } },
      original.preview || h("i", {}, "Click to see attachment")))];
}

function contents(message, actions) {
  if (isNotice(message)) return [h("p", { class: "notice" }, NOTICES[message.type](message))];
  if (message.flags & FLAGS.loading) return [thinking(message), ...ephemeralNote(message, actions)];
  return [
    text(message),
    ...message.embeds.map(embed),
    ...(isLayout(message) ? [] : message.attachments.map(attachment)),
    componentTree(message, actions),
    reactions(message, actions),
    threadUnder(message, actions),
    ...ephemeralNote(message, actions),
  ];
}

function threadUnder({ thread }, actions) {
  if (!thread) return null;
  return h("p", {}, h("button", { type: "button", class: "link", on: { click: () => actions.open(thread.id) } }, `${thread.name} ›`));
}

function thinking(message) {
  return h("p", { class: "thinking" }, dots(), ` ${nameOf(message.author)} is thinking…`);
}

/** Three dots that move, as beside "is typing". */
export const dots = () => h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i"));

function text(message) {
  if (!message.html) return null;
  const content = h("div", { class: "content markdown", html: message.html });
  content.classList.toggle("jumbo", EMOJI_ONLY.test(message.content));
  if (message.edited_timestamp && !isWriting(message)) {
    const mark = h("span", { class: "edited", title: fullTime(new Date(message.edited_timestamp)) }, "(edited)");
    const last = content.lastElementChild;
    (last?.tagName === "P" ? last : content).append(" ", mark);
  }
  return content;
}

function embed(data) {
  const card = h("article", { class: "embed" },
    data.author && h("p", { class: "embed-author" }, data.author.name),
    data.title && h("h4", {}, data.url ? link(data.url, data.title) : data.title),
    data.html && h("div", { class: "markdown", html: data.html }),
    data.fields?.length > 0 && h("dl", {}, ...data.fields.map((field) =>
      h("div", { class: field.inline ? "inline" : "" }, h("dt", {}, field.name), h("dd", { class: "markdown", html: field.html })))),
    data.footer && h("footer", {}, data.footer.text));
  if (data.color !== undefined && data.color !== null) card.style.borderColor = `#${data.color.toString(16).padStart(6, "0")}`;
  return card;
}

const isWebLink = (url) => /^https?:/i.test(url);

function link(url, label) {
  return isWebLink(url) ? h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, label) : label;
}

function reactions(message, actions) {
  if (!message.reactions?.length) return null;
  return h("div", { class: "reactions", role: "group", "aria-label": "Reactions" }, ...message.reactions.map((each) =>
    h("button", { type: "button", class: each.me ? "mine" : "", on: { click: () => actions.react(message, each.emoji.name) },
      "aria-label": `${each.emoji.name}, ${each.count}` }, `${each.emoji.name} `, h("b", {}, String(each.count)))));
}

function ephemeralNote(message, actions) {
  if (!isEphemeral(message)) return [];
  const dismiss = h("button", { type: "button", class: "link", on: { click: () => actions.dismiss(message) } }, "Dismiss message");
  return [h("p", { class: "only-you" }, icon(ICONS.eye), "Only you can see this · ", dismiss)];
}

/** What can be done with a message, for its menu: those commands of the bot that are for messages among it. */
export function menuOf(message, me, actions) {
  const own = message.author.id === me.id;
  const apps = actions.appsFor().map((app) => ({ label: app.name, take: () => actions.runApp(message, app) }));
  return [
    { label: "Reply", take: () => actions.reply(message) },
    own && { label: "Edit Message", take: () => actions.edit(message) },
    message.content && { label: "Copy Text", take: () => navigator.clipboard.writeText(message.content) },
    apps.length > 0 && { label: "Apps", items: apps },
    ...(own || actions.mayDelete() ? [null, { label: "Delete Message", isDangerous: true, take: () => actions.remove(message) }] : []),
  ].filter((item) => item !== false && item !== "");
}

export const hasMenu = (message) => !isEphemeral(message) && !isNotice(message);

function toolbar(message, me, actions) {
  if (!hasMenu(message)) return [];
  const tool = (name, label, action) =>
    h("button", { type: "button", title: label, "aria-label": label, on: { click: action } }, icon(ICONS[name]));
  const own = message.author.id === me.id;
  const more = (event) => {
    const { left, bottom } = event.currentTarget.getBoundingClientRect();
    actions.openMenu(menuOf(message, me, actions), { x: left, y: bottom });
  };
  return [h("div", { class: "toolbar", role: "group", "aria-label": "Message actions" },
    tool("reply", "Reply", () => actions.reply(message)),
    own && tool("edit", "Edit", () => actions.edit(message)),
    (own || actions.mayDelete()) && tool("remove", "Delete", () => actions.remove(message)),
    tool("more", "More", more))];
}
