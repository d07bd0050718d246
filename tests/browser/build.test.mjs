// What the browser gets: the same bytes every time, for browsers of 2020, and it seals and opens.

import "./no_subtle.mjs";
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { bundled } from "../../gateway/web/build.mjs";
import { transform } from "../../gateway/web/node_modules/esbuild/lib/main.js";

const STATIC = new URL("../../gateway/web/static/", import.meta.url);
const NEWER = new RegExp("Object\\.(hasOwn|groupBy)|\\.(at|replaceAll|findLast|toSorted|toReversed)\\("
  + "|Promise\\.any|structuredClone|WeakRef");

const { code } = await bundled("src/core.js");
const text = Buffer.from(code).toString();

test("twice the same bytes, from wherever it is called", async () => {
  const before = process.cwd();
  process.chdir(tmpdir());
  try {
    assert.ok(Buffer.from((await bundled("src/core.js")).code).equals(Buffer.from(code)));
  } finally {
    process.chdir(before);
  }
});

test("nothing of the language after ES2020", async () => {
  const shipped = readdirSync(STATIC).filter((name) => name.endsWith(".js"));
  const sources = shipped.map((name) => readFileSync(new URL(name, STATIC), "utf8"));
  for (const source of [text, ...sources]) {
    const printed = (target) => transform(source, { target }).then((out) => out.code);
    assert.equal(await printed("es2020"), await printed("esnext"), "there is nothing to lower");
    assert.doesNotMatch(source, NEWER);
  }
});

test("it names no host", () => {
  assert.doesNotMatch(text, /https?:\/\//);
});

test("it leaves room for the page in the first load", () => {
  assert.ok(gzipSync(code, { level: 9 }).length < 45_000);
});

test("the lock file names no registry, and all versions are exact", () => {
  const web = new URL("../../gateway/web/", import.meta.url);
  const lock = readFileSync(new URL("package-lock.json", web), "utf8");
  assert.doesNotMatch(lock, /"resolved"|https?:\/\/registry/);
  const { dependencies, devDependencies } = JSON.parse(readFileSync(new URL("package.json", web)));
  for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
    assert.match(version, /^\d+\.\d+\.\d+$/, name);
  }
});

test("it works as built", async () => {
  const folder = mkdtempSync(join(tmpdir(), "helio-"));
  try {
    const file = join(folder, "core.mjs");
    writeFileSync(file, code);
    const core = await import(file);
    const [ana, bo] = ["Ana", "Bo"].map(core.newIdentity);
    const options = { unixS: 1, lifetime: 8, withCard: true };
    const s = await core.seal(ana, core.cardOf(bo), core.utf8("hello"), options);
    const letter = { head: core.concat([s.b0, s.b1], s.mid), shape: s.shape, bundle: s.bundle };
    const opened = await core.open(bo, letter, [core.cardOf(ana)]);
    assert.equal(core.text(opened.body), "hello");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
