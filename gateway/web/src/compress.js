// Bodies made smaller: raw deflate (RFC 1951), if that is shorter.

import { deflateSync, inflateSync } from "fflate";
import { Refused } from "./errors.js";

const DEFLATED = 1;
export const COMPRESSION_FLAGS = DEFLATED; // those that decompress() knows

// A body to {flag, packed}: flag is 0 where it stays as it is.
export function compress(bytes) {
  const packed = deflateSync(bytes, { level: 9 });
  return packed.length < bytes.length ? { flag: DEFLATED, packed } : { flag: 0, packed: bytes };
}

// The body, at most max bytes. Throws Refused "damaged".
export function decompress(flag, packed, max) {
  let body = packed;
  if (flag) {
    try {
      body = inflateSync(packed, { out: new Uint8Array(max + 1) }); // what is more is cut off
    } catch {
      throw new Refused("damaged", "the text does not decompress");
    }
  }
  if (body.length > max) throw new Refused("damaged", "the text is longer than allowed");
  return body.slice();
}
