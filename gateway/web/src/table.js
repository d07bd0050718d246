// The board as a table for spreadsheets: CSV (RFC 4180) in UTF-8, as `helio board list --csv` writes it
// (gateway/board_view.py).

import { deviceId } from "./identity.js";

const COLUMNS = ["kind", "need", "state", "name", "device", "text", "written", "minutes_ago", "latitude", "longitude",
  "battery", "relays"];
// What a spreadsheet takes for the beginning of a formula; full-width ones too.
const FORMULA = /^ *[=+\-@\t\r\n|%＝＋－＠]/;
const MINUTE_MS = 60_000;

// A text that stays text: behind an apostrophe if it could be a formula.
export const cell = (text) => (FORMULA.test(text) ? "'" + text : text);

// What was found on the board, as far as it is signed. Behind a byte order mark, without which some
// programs take UTF-8 for something else.
export function tableOf(board, found, nowMs) {
  const rows = found.filter((heard) => board.isTrue(heard)).map((heard) => rowOf(board, heard, nowMs));
  const written = (value) => `"${(typeof value === "string" ? cell(value) : String(value)).replace(/"/g, '""')}"`;
  return "\ufeff" + [COLUMNS, ...rows].map((row) => row.map(written).join(",") + "\r\n").join("");
}

function rowOf(board, { state, notice, sinceMs, relays }, nowMs) {
  const note = notice.type === "announcement" && !board.organiser(notice.device);
  const over = state !== "live";
  const { need, text, place, battery } = over ? { need: "", text: "", place: null, battery: null } : notice;
  const [north, east] = place || ["", ""];
  return [note ? "note" : notice.type, need, state, notice.name, deviceId(notice), text,
    new Date(notice.unixS * 1000).toISOString().replace(".000", ""), Math.max(0, Math.floor((nowMs - sinceMs) / MINUTE_MS)),
    north, east, battery === null ? "" : battery, relays];
}
