// Files as they are shown: pictures in place, everything else as a card to download; and files on their way in.

import { h, icon } from "./dom.js";

const SHEET = "M6 2h8l6 6v12a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2V4a2 2 0 0 1 2-2Zm7 1.5V9h5.5Z";
const DOWNLOAD = "M11 3h2v9.2l3.3-3.3 1.4 1.4L12 16l-5.7-5.7 1.4-1.4 3.3 3.3ZM4 18h16v2H4Z";
const UNITS = ["bytes", "KB", "MB"];

/** 1536 -> "1.5 KB" */
export function size(bytes) {
  const unit = Math.min(UNITS.length - 1, Math.floor(Math.log(Math.max(1, bytes)) / Math.log(1024)));
  return `${(bytes / 1024 ** unit).toLocaleString(undefined, { maximumFractionDigits: unit ? 1 : 0 })} ${UNITS[unit]}`;
}

/** An attachment of a message. */
export function attachment(file) {
  return isPicture(file) ? picture(file, file.description ?? file.filename) : card(file.path, file.filename, file.size);
}

const isPicture = (file) => Boolean(file.content_type?.startsWith("image/"));

export function picture(media, description) {
  return h("a", { class: "picture", href: media.path, target: "_blank", rel: "noopener" }, image(media, description));
}

export const image = (media, description) => h("img", { src: media.path, alt: description ?? "", title: description });

/** The page loads nothing from elsewhere: what lies there is linked. */
export function elsewhere(media, description) {
  return h("a", { class: "elsewhere", href: /^https?:/i.test(media.url) ? media.url : null, target: "_blank", rel: "noopener noreferrer" },
    description ?? media.url);
}

export function card(path, name, bytes) {
  return h("div", { class: "file" }, icon(SHEET),
    h("div", {}, h("a", { href: path, target: "_blank", rel: "noopener" }, name), h("small", {}, size(bytes ?? 0))),
    h("a", { class: "icon", href: path, download: name, title: "Download", "aria-label": `Download ${name}` }, icon(DOWNLOAD)));
}

/** Hide `element` until it is clicked, if it is a spoiler. */
export function veiled(element, isSpoiler) {
  if (!isSpoiler) return element;
  return h("div", { class: "spoiler veil", role: "button", tabindex: "0", "aria-label": "Spoiler" }, element);
}

/** A file that will be sent with the next message; `remove` takes it out. */
export function upload(file, remove) {
  const shown = file.type.startsWith("image/") ? h("img", { alt: "", src: URL.createObjectURL(file),
    on: { load: (event) => URL.revokeObjectURL(event.target.src) } }) : icon(SHEET);
  return h("li", { class: "upload" }, h("div", {}, shown), h("span", { title: file.name }, file.name), h("small", {}, size(file.size)),
    h("button", { type: "button", title: "Remove", "aria-label": `Remove ${file.name}`, on: { click: remove } }, "✕"));
}

/** As the websocket carries it. */
export async function encoded(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const chunks = [];
  for (let at = 0; at < bytes.length; at += 0x8000) chunks.push(String.fromCharCode(...bytes.subarray(at, at + 0x8000)));
  return { filename: file.name, type: file.type || "application/octet-stream", base64: btoa(chunks.join("")) };
}
