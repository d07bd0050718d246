// The landing page as a small window shows it, and two phones that see each other at one gateway.
// Reads {url, chromiumPath} as JSON from its argument. test_wifi_page.py starts it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const needed = createRequire(new URL("../../gateway/web/package.json", import.meta.url));
const { chromium } = needed("playwright-core");
const AXE = readFileSync(needed.resolve("axe-core/axe.min.js"), "utf8");
const { url, chromiumPath } = JSON.parse(process.argv[2]);
const { port } = new URL(url);
const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
  "--host-resolver-rules=MAP * 127.0.0.1"]; // as the Wi-Fi's name server does
const browser = await chromium.launch({ executablePath: chromiumPath, args: FLAGS });
const problems = [];

async function open(address, more = {}) {
  const page = await (await browser.newContext({ viewport: { width: 320, height: 640 }, ...more })).newPage();
  page.setDefaultTimeout(30_000);
  page.on("pageerror", (error) => problems.push(error.stack));
  page.on("console", (m) => { if (m.type() === "error" && !/Failed to load resource/.test(m.text())) problems.push(m.text()); });
  await page.goto(address);
  return page;
}

async function look(page, name) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, `${name} scrolls sideways by ${wide} px`);
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => window.axe.run(document));
  const bad = violations.filter((v) => ["serious", "critical"].includes(v.impact));
  assert.deepEqual(bad.map((v) => [v.id, v.nodes.map((n) => n.html)]), [], name);
}

// --- the landing page

const probe = `http://connectivitycheck.example:${port}/generate_204`;
const small = await open(probe, { locale: "ar" });
assert.equal(await small.getAttribute("html", "dir"), "rtl");
assert.equal(await small.textContent(".at"), url);
assert.ok(await small.locator(".stay").evaluate((e) => getComputedStyle(e).borderRadius !== "0px"), "its style is taken");
await look(small, "landing");
await small.click(".stay");
await small.waitForSelector("body:not(:has(.stay))");
assert.equal(await small.textContent(".at"), url);
const after = await small.evaluate((to) => fetch(to, { mode: "no-cors" }).then(() => "came", () => "refused"), probe);
assert.equal(after, "refused", "the landing page asks for nothing by itself");
assert.equal((await fetch(`http://127.0.0.1:${port}/generate_204`)).status, 204, "the phone stays");

// --- people nearby

async function phone(name) {
  const page = await open(url);
  await page.fill("#my-name", name);
  await page.click("button[type=submit]");
  await page.waitForSelector(".relay");
  await page.evaluate(() => { location.hash = "add"; });
  await page.click("a[href='#nearby']");
  return page;
}

const [ana, bo] = [await phone("Ana"), await phone("Bo")];
await bo.waitForSelector("text=Nobody here wishes to be seen");
await look(bo, "nearby");
await ana.check("#nearby-seen");
await bo.waitForSelector("text=Add Ana");
await look(bo, "nearby with somebody");
await bo.click("text=Add Ana");
await bo.click("text=Write");
await bo.fill("#text", "I stand beside you");
await bo.click(".composer button[type=submit]");
await ana.evaluate(() => { location.hash = ""; });
await ana.waitForSelector("text=I stand beside you");
await ana.evaluate(() => { location.hash = "nearby"; });
await ana.uncheck("#nearby-seen");
await bo.evaluate(() => { location.hash = "nearby"; });
await bo.waitForSelector("text=Nobody here wishes to be seen");
assert.deepEqual(problems.filter((p) => !/Content Security Policy/.test(p)), []);
await browser.close();
