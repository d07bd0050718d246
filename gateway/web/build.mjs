// Builds what the browser gets: static/app.js from src/main.js, and static/later-NAME.js from each
// src/later/NAME.js, which app.js loads when it is needed; and static/saved.html, all in one file.
//
//     npm ci && npm run build        npm run check: is what is committed what it would build?
//
// The same sources and lock file give the same bytes; what is built is committed.

import { build } from "esbuild";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const HERE = dirname(fileURLToPath(import.meta.url));
const STATIC = join(HERE, "static");
const FIRST_LOAD_MAX = 60_000; // bytes, gzipped: a few seconds on a crowded access point
const LICENSES = "licenses.txt";
const SAVED = "saved.html";

// What is loaded later finds these in app.js (src/shared.js exports them).
const SHARED = {
  name: "shared",
  setup(build) {
    const there = () => ({ path: "./app.js", external: true });
    build.onResolve({ filter: /^\.+(\/\.\.)*\/(shared|bytes|errors|hashing|identity)\.js$/ }, there);
    build.onResolve({ filter: /^@noble\/curves\/ed25519\.js$/ }, there);
  },
};

const laterNames = () => {
  const later = join(HERE, "src", "later");
  return existsSync(later) ? readdirSync(later).filter((n) => n.endsWith(".js")).sort() : [];
};

// For the page in one file: what would be fetched is in it.
const IN_ONE = {
  name: "in-one",
  setup(build) {
    build.onResolve({ filter: /\/place\.js$/ }, () => ({ path: join(HERE, "src", "saved", "place.js") }));
    build.onResolve({ filter: /^parts$/ }, () => ({ path: "parts", namespace: "parts" }));
    build.onLoad({ filter: /.*/, namespace: "parts" }, () => ({
      contents: `export default {${laterNames().map((name) =>
        `${JSON.stringify(name.slice(0, -3))}: () => import("./src/later/${name}")`).join(",")}};`,
      resolveDir: HERE,
    }));
  },
};

// A source file to {code: bytes, packages: names of what it contains of others}. inOne: with all
// that it would load later.
export async function bundled(source, inOne = false) {
  const { outputFiles, metafile, warnings } = await build({
    absWorkingDir: HERE,
    entryPoints: [source],
    bundle: true,
    charset: "utf8",
    define: { "Object.hasOwn": "hasOwn" },
    format: inOne ? "iife" : "esm",
    inject: ["src/older_browsers.js"],
    legalComments: "none", // they are in licenses.txt
    metafile: true,
    minify: true,
    plugins: inOne ? [IN_ONE] : source.startsWith("src/later/") ? [SHARED] : [],
    target: "es2020",
    write: false,
  });
  if (warnings.length) throw new Error(`${source}: ${warnings[0].text}`); // a word that is there twice
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

const hashOf = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

// The page in one file, which runs from anywhere: index.html with its style and all of its code. It
// may speak to the gateway whose address is typed, and runs nothing but what is in it.
export async function saved() {
  const { code } = await bundled("src/main.js", true);
  const script = Buffer.from(code).toString().trim().replace(/<\/(?=script)/gi, "<\\/").replace(/<!--/g, "<\\!--");
  const style = readFileSync(join(STATIC, "style.css"), "utf8");
  const policy = `default-src 'none'; script-src ${hashOf(script)}; style-src 'unsafe-inline'; `
    + "img-src data: blob:; connect-src http: https:; base-uri 'none'; form-action 'none'";
  return Buffer.from(readFileSync(join(STATIC, "index.html"), "utf8")
    .replace(/<link rel="stylesheet"[^>]*>/, () => `<style>${style}</style>`)
    .replace(/\n<script type="module"[^>]*><\/script>/, "")
    .replace('<meta charset="utf-8">', (meta) => `${meta}\n<meta http-equiv="Content-Security-Policy" content="${policy}">`)
    .replace("</body>", () => `<script>${script}</script>\n</body>`));
}

// Everything that is built: name in static/ -> bytes.
async function outputs() {
  const names = laterNames();
  const sources = [["app.js", "src/main.js"]];
  for (const name of names) sources.push([`later-${name}`, `src/later/${name}`]);
  const out = new Map();
  const packages = [];
  for (const [name, source] of sources) {
    const built = await bundled(source);
    out.set(name, Buffer.from(built.code));
    packages.push(...built.packages);
  }
  return out.set(SAVED, await saved()).set(LICENSES, Buffer.from(licenses(packages)));
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
    const needed = !name.startsWith("later-") && name !== LICENSES && name !== SAVED;
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
