// Writes compress_js.json beside it: what compress.json has of bodies up to 200 bytes, packed by the
// browser's code, for Python's tests. Needs `npm ci` in gateway/web.
//
//     node tests/vectors/make_compress.mjs

import { readFileSync, writeFileSync } from "node:fs";
import { compress } from "../../gateway/web/src/compress.js";

const rows = JSON.parse(readFileSync(new URL("compress.json", import.meta.url)));
const bodies = [...new Set(rows.map((row) => row.body).filter((body) => body !== null && body.length <= 400))];
const packed = bodies.map((body) => {
  const { flag, packed } = compress(Buffer.from(body, "hex"));
  return JSON.stringify({ flag, packed: Buffer.from(packed).toString("hex"), body });
});
writeFileSync(new URL("compress_js.json", import.meta.url), `[\n${packed.join(",\n")}\n]\n`);
