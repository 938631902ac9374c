// Making elements, and the few shapes that every part of the page shares: avatars, names, times.

/**
 * An element. `props` are attributes, except: `class`, `on` (listeners by event), `data` (dataset), `html` (markup that
 * the server rendered, never text that came from a person) and properties such as `value` and `disabled`.
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "on") Object.entries(value).forEach(([event, listener]) => element.addEventListener(event, listener));
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name === "html") element.innerHTML = value;
    else if (name === "class") element.className = value;
    else if (name in element && typeof value !== "string") element[name] = value;
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const $ = (id) => document.getElementById(id);

/** An icon drawn from one path in a box of 24 by 24. */
export function icon(path) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

export const nameOf = (user) => user.global_name || user.username;

const AVATAR_COLORS = 6;

/** A round picture: the bot's own, or a person's initial on a color that follows from their name. */
export function avatar(user, size = "") {
  if (user.bot) return h("img", { class: `avatar ${size}`, src: "/static/mnemo.svg", alt: "" });
  const initial = [...nameOf(user)][0] ?? "?";
  const color = [...user.username].reduce((sum, letter) => sum + letter.codePointAt(0), 0) % AVATAR_COLORS;
  return h("span", { class: `avatar color-${color} ${size}`, "aria-hidden": "true" }, initial.toUpperCase());
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "long" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });
const numeric = new Intl.DateTimeFormat(undefined, { dateStyle: "short" });

export const sameDay = (one, other) => one.toDateString() === other.toDateString();
export const clockTime = (date) => clock.format(date);
export const dayName = (date) => day.format(date);
export const fullTime = (date) => full.format(date);

/** "Today at 3:04 PM", as Discord words it beside a name. */
export function friendlyTime(date) {
  const yesterday = new Date(Date.now() - 24 * 3600 * 1000);
  if (sameDay(date, new Date())) return `Today at ${clockTime(date)}`;
  if (sameDay(date, yesterday)) return `Yesterday at ${clockTime(date)}`;
  return `${numeric.format(date)} ${clockTime(date)}`;
}

const STYLES = {
  t: { timeStyle: "short" }, T: { timeStyle: "medium" }, d: { dateStyle: "short" }, D: { dateStyle: "long" },
  f: { dateStyle: "long", timeStyle: "short" }, F: { dateStyle: "full", timeStyle: "short" },
};
const UNITS = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

function relativeTime(date) {
  const seconds = Math.round((date - Date.now()) / 1000);
  const [unit, size] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? UNITS.at(-1);
  return new Intl.RelativeTimeFormat(undefined, { numeric: "auto" }).format(Math.trunc(seconds / size), unit);
}

/** Word the timestamps (<t:...>) under `element` for this reader's clock. */
export function wordTimes(element) {
  for (const time of element.querySelectorAll("time[data-style]")) {
    const date = new Date(time.dateTime);
    const style = time.dataset.style;
    time.textContent = style === "R" ? relativeTime(date) : new Intl.DateTimeFormat(undefined, STYLES[style]).format(date);
    time.title = fullTime(date);
  }
}
