// Builds what the browser gets: static/app.js from src/main.js, and static/later-NAME.js from each
// src/later/NAME.js, which app.js loads when it is needed: import("./later-NAME.js"). What such a
// file imports from "../shared.js" it gets from app.js, which is there already.
//
//     npm ci && npm run build
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

const SHARED = {
  name: "shared",
  setup(build) {
    const there = () => ({ path: "./app.js", external: true });
    build.onResolve({ filter: /^(\.\.\/)+shared\.js$/ }, there);
  },
};

// A source file to {code: bytes, packages: names of what it contains of others}.
export async function bundled(source) {
  const { outputFiles, metafile } = await build({
    absWorkingDir: HERE,
    entryPoints: [source],
    bundle: true,
    charset: "utf8",
    external: ["./later-*.js"],
    format: "esm",
    legalComments: "none", // they are in licenses.txt
    metafile: true,
    minify: true,
    plugins: [SHARED],
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

async function main() {
  const later = join(HERE, "src", "later");
  const names = existsSync(later) ? readdirSync(later).filter((n) => n.endsWith(".js")).sort() : [];
  const wanted = new Map([["app.js", "src/main.js"]]);
  for (const name of names) wanted.set(`later-${name}`, `src/later/${name}`);
  for (const old of readdirSync(STATIC)) {
    if (old.startsWith("later-") && !wanted.has(old)) rmSync(join(STATIC, old));
  }
  const packages = [];
  for (const [name, source] of wanted) {
    const built = await bundled(source);
    packages.push(...built.packages);
    writeFileSync(join(STATIC, name), built.code);
  }
  writeFileSync(join(STATIC, LICENSES), licenses(packages));

  let first = 0;
  for (const name of readdirSync(STATIC).sort()) {
    const size = gzipSync(readFileSync(join(STATIC, name)), { level: 9 }).length;
    const needed = !name.startsWith("later-") && name !== LICENSES;
    first += needed ? size : 0;
    console.log(`${String(size).padStart(7)}  ${name}${needed ? "" : "  (not at first)"}`);
  }
  console.log(`${String(first).padStart(7)}  first load, gzipped; at most ${FIRST_LOAD_MAX}`);
  if (first > FIRST_LOAD_MAX) process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
