// What is inside a message: text, or a typed body that begins with its type.

import { bytesNumber, concat, text, utf8 } from "./bytes.js";

const FILE = 1;
const HERE = 2;
// Between devices, not shown (quiet.js): my devices, read marks, copies for my others, my prekey.
const QUIET = [3, 6, 9, 10];
const BADGE = 11;
const PROOF_LEN = 64;
const BADGE_MAX = 1 + 255 + 218; // bytes of a badge (SPEC.md 13)
export const FILE_MAX = 48 * 1024; // bytes of an attachment
const LABEL_MAX = 255; // bytes of its name, and of its kind

export const hereBody = () => Uint8Array.of(HERE);

// {proof, badge} to a body: what somebody is called at a provider.
export const badgeBody = ({ proof, badge }) => concat([BADGE], proof, badge);

// {name, mime, bytes} to a body.
export function fileBody(file) {
  const name = utf8(file.name).slice(0, LABEL_MAX);
  const mime = utf8(file.mime).slice(0, LABEL_MAX);
  return concat([FILE, name.length], name, [mime.length], mime, file.bytes);
}

// What was opened, {body, typed}, to {kind: "text", text}, {kind: "file", file}, {kind: "here"},
// {kind: "badge", badge: {proof, badge}} or {kind: "newer", type}: of a page that knows more than this one.
export function read({ body, typed }) {
  if (!typed) return { kind: "text", text: text(body) };
  if (body[0] === FILE) {
    const file = readFile(body);
    if (file) return { kind: "file", file };
  }
  if (body[0] === HERE && body.length === 1) return { kind: "here" };
  if (QUIET.includes(body[0])) return { kind: "quiet" };
  if (body[0] === BADGE && body.length > 1 + PROOF_LEN && body.length <= 1 + PROOF_LEN + BADGE_MAX) {
    const badge = { proof: body.slice(1, 1 + PROOF_LEN), badge: body.slice(1 + PROOF_LEN) };
    return { kind: "badge", badge };
  }
  return { kind: "newer", type: body.length ? bytesNumber(body.slice(0, 1)) : 0 };
}

function readFile(body) {
  const nameEnd = 2 + body[1];
  const mimeEnd = nameEnd + 1 + body[nameEnd];
  if (!(mimeEnd <= body.length)) return null; // also where a length is missing
  return {
    // without what turns letters round: holiday<RLO>gpj.exe reads as a picture
    name: text(body.slice(2, nameEnd)).replace(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, ""),
    mime: text(body.slice(nameEnd + 1, mimeEnd)),
    bytes: body.slice(mimeEnd),
  };
}

// Only pictures that cannot carry a script are drawn; all else is offered to be saved.
export const isPicture = (mime) => /^image\/(jpeg|png|gif|webp)$/.test(mime);
