// Builds what the browser gets: static/app.js from src/main.js, and static/later-NAME.js from each
// src/later/NAME.js, which app.js loads when it is needed: import("./later-NAME.js").
//
//     npm ci && npm run build        npm run check: is what is committed what it would build?
//
// The same sources and lock file give the same bytes; what is built is committed.

import { build } from "esbuild";
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const HERE = dirname(fileURLToPath(import.meta.url));
const STATIC = join(HERE, "static");
const FIRST_LOAD_MAX = 60_000; // bytes, gzipped: a few seconds on a crowded access point
const LICENSES = "licenses.txt";

// What is loaded later finds these in app.js (src/shared.js exports them).
const SHARED = {
  name: "shared",
  setup(build) {
    const there = () => ({ path: "./app.js", external: true });
    build.onResolve({ filter: /^\.+(\/\.\.)*\/(shared|bytes|errors|hashing|identity)\.js$/ }, there);
    build.onResolve({ filter: /^@noble\/curves\/ed25519\.js$/ }, there);
  },
};

// A source file to {code: bytes, packages: names of what it contains of others}.
export async function bundled(source) {
  const { outputFiles, metafile } = await build({
    absWorkingDir: HERE,
    entryPoints: [source],
    bundle: true,
    charset: "utf8",
    define: { "Object.hasOwn": "hasOwn" },
    external: ["./later-*.js"],
    format: "esm",
    inject: ["src/older_browsers.js"],
    legalComments: "none", // they are in licenses.txt
    metafile: true,
    minify: true,
    plugins: source.startsWith("src/later/") ? [SHARED] : [],
    target: "es2020",
    write: false,
  });
  const paths = Object.keys(metafile.inputs);
  const packages = paths.map((path) => /node_modules\/((@[^/]+\/)?[^/]+)/.exec(path));
  return { code: outputFiles[0].contents, packages: packages.filter(Boolean).map((m) => m[1]) };
}

function licenses(packages) {
  const names = [...new Set(packages)].sort();
  return names.map((name) => {
    const folder = join(HERE, "node_modules", name);
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    const { author, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const by = author ? `, ${author.name || author}` : "";
    const text = file ? readFileSync(join(folder, file), "utf8").trim() : `${license}${by}`;
    return `${name}\n\n${text}\n`;
  }).join("\n\n");
}

// Everything that is built: name in static/ -> bytes.
async function outputs() {
  const later = join(HERE, "src", "later");
  const names = existsSync(later) ? readdirSync(later).filter((n) => n.endsWith(".js")).sort() : [];
  const sources = [["app.js", "src/main.js"]];
  for (const name of names) sources.push([`later-${name}`, `src/later/${name}`]);
  const out = new Map();
  const packages = [];
  for (const [name, source] of sources) {
    const built = await bundled(source);
    out.set(name, Buffer.from(built.code));
    packages.push(...built.packages);
  }
  return out.set(LICENSES, Buffer.from(licenses(packages)));
}

const stale = (out) => readdirSync(STATIC).filter((n) => n.startsWith("later-") && !out.has(n));

function write(out) {
  for (const name of stale(out)) rmSync(join(STATIC, name));
  for (const [name, bytes] of out) writeFileSync(join(STATIC, name), bytes);
}

// What is committed and is not what the sources give.
function differing(out) {
  const same = ([name, bytes]) => {
    const path = join(STATIC, name);
    return existsSync(path) && bytes.equals(readFileSync(path));
  };
  return [...[...out].filter((entry) => !same(entry)).map(([name]) => name), ...stale(out)];
}

// Prints the sizes; false if the first load is too large.
function weigh() {
  let first = 0;
  for (const name of readdirSync(STATIC).sort()) {
    const size = gzipSync(readFileSync(join(STATIC, name)), { level: 9 }).length;
    const needed = !name.startsWith("later-") && name !== LICENSES;
    first += needed ? size : 0;
    console.log(`${String(size).padStart(7)}  ${name}${needed ? "" : "  (not at first)"}`);
  }
  console.log(`${String(first).padStart(7)}  first load, gzipped; at most ${FIRST_LOAD_MAX}`);
  return first <= FIRST_LOAD_MAX;
}

async function main(check) {
  const out = await outputs();
  const wrong = check ? differing(out) : [];
  if (!check) write(out);
  if (wrong.length) console.log(`not what the sources give: ${wrong.join(", ")}; npm run build`);
  if (!weigh() || wrong.length) process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main(process.argv.includes("--check"));
}
