// The only hash constructions of Heliograph (SPEC.md 1).

import { hmac as nobleHmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { concat, hex, utf8 } from "./bytes.js";

export { sha256 };

// SHA-256("helio1/" | label | 00 | parts): 32 bytes. Every part but the last has a fixed length.
export const H = (label, ...parts) => sha256(concat(utf8(`helio1/${label}\0`), ...parts));

// What a receipt's token opens, in hex: the id of a message, or what stands for one reader of it.
export const lockOf = (token) => hex(H("mid", token).slice(0, 12));

// HMAC-SHA256 (RFC 2104).
export const hmac = (key, data) => nobleHmac(sha256, key, data);
