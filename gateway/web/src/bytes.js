// Bytes as Uint8Array, and the ways they are written down.

import { Refused } from "./errors.js";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"; // base32, RFC 4648

export const utf8 = (s) => new TextEncoder().encode(s);
export const text = (bytes) => new TextDecoder().decode(bytes);

export function concat(...parts) {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

// Not in constant time: nothing secret is compared in the browser.
export const equal = (a, b) => a.length === b.length && a.every((byte, i) => byte === b[i]);

export const random = (n) => crypto.getRandomValues(new Uint8Array(n));

// An unsigned number to n bytes, big-endian.
export function numberBytes(value, n) {
  const out = new Uint8Array(n);
  for (let i = n - 1; i >= 0; i--) {
    out[i] = value % 256;
    value = Math.floor(value / 256);
  }
  return out;
}

export const bytesNumber = (bytes) => bytes.reduce((sum, byte) => sum * 256 + byte, 0);

export const hex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");

export function unhex(s) {
  if (typeof s !== "string" || !/^([0-9a-f]{2})*$/i.test(s)) throw new Refused("damaged", "no hex");
  return Uint8Array.from(s.match(/../g) || [], (pair) => parseInt(pair, 16));
}

// base64url without padding.
export function b64(bytes) {
  let binary = "";
  for (let i = 0; i < bytes.length; i += 8192) {
    binary += String.fromCharCode(...bytes.subarray(i, i + 8192));
  }
  return btoa(binary).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

export function unb64(s) {
  if (typeof s !== "string" || !/^[\w-]*$/.test(s) || s.length % 4 === 1) {
    throw new Refused("damaged", "no base64");
  }
  const binary = atob(s.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(binary, (c) => c.charCodeAt(0));
}

// Without padding, as QR codes like it.
export function base32(bytes) {
  let out = "";
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff;
    for (bits += 8; bits >= 5; bits -= 5) out += ALPHABET[(value >> (bits - 5)) & 31];
  }
  return bits ? out + ALPHABET[(value << (5 - bits)) & 31] : out;
}

// null if it is none.
export function unbase32(s) {
  const out = [];
  let bits = 0;
  let value = 0;
  for (const letter of s) {
    const five = ALPHABET.indexOf(letter);
    if (five < 0) return null;
    value = ((value << 5) | five) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      out.push((value >> bits) & 255);
    }
  }
  return [1, 3, 6].includes(s.length % 8) ? null : Uint8Array.from(out);
}
