// Every language says everything, with the same blanks, and every word that is asked for is there.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import EN from "../../gateway/web/src/words-en.js";
import { LANGUAGES } from "../../gateway/web/src/words.js";

const SRC = new URL("../../gateway/web/src/", import.meta.url);
const sources = (folder) => readdirSync(new URL(folder, SRC), { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? sources(`${folder}${entry.name}/`)
    : /words-/.test(entry.name) ? [] : [readFileSync(new URL(folder + entry.name, SRC), "utf8")]);
const CODE = sources("./").join("\n");
const blanks = (words) => [...new Set((typeof words === "string" ? words : Object.values(words).join()).match(/\{\w+\}/g) || [])].sort();

for (const language of Object.keys(LANGUAGES).filter((code) => code !== "en")) {
  test(`${language} says everything that English says`, async () => {
    const { default: table } = await import(new URL(`later/words-${language}.js`, SRC));
    assert.deepEqual(Object.keys(table).sort(), Object.keys(EN).sort());
    const plurals = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
    for (const [key, words] of Object.entries(table)) {
      assert.deepEqual(blanks(words), blanks(EN[key]), key);
      assert.equal(typeof words === "object" || key === "bytes", typeof EN[key] === "object" || key === "bytes", key);
      if (typeof words === "object") {
        assert.ok(words.other, `${key} has no form for every number`);
        assert.deepEqual(Object.keys(words).filter((form) => !plurals.includes(form)), [], key);
      }
    }
  });
}

test("every word that is asked for is there, and none is left over", () => {
  const asked = new Set([...CODE.matchAll(/\bt\(\s*"([\w-]+)"/g)].map((m) => m[1]));
  for (const [, first, second] of CODE.matchAll(/\bt\([^"()]+\? "(\w+)"\s*: [^"()]*"(\w+)"/g)) asked.add(first).add(second);
  for (const [, a, b, c] of CODE.matchAll(/\bt\([^"()]+\? "(\w+)" : [^"()]+\? "(\w+)" : "(\w+)"/g)) asked.add(a).add(b).add(c);
  asked.delete("no_").valueOf();
  const missing = [...asked].filter((key) => !(key in EN) && !["no_", "safe_"].includes(key));
  assert.deepEqual(missing, []);
  const named = (key) => CODE.includes(`"${key}"`) || key.startsWith("safe_") || key.startsWith("no_")
    || ["waiting", "refused", "queued", "on_mesh", "delivered", "expired"].includes(key);
  assert.deepEqual(Object.keys(EN).filter((key) => !named(key)), []);
});
