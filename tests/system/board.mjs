// The board in a real browser: Ana calls for help at one gateway, Bo sees it at another, and its end.
// Reads {a, b, chromiumPath} as JSON from its argument, prints what it saw. test_board_page.py starts it.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const needed = createRequire(new URL("../../gateway/web/package.json", import.meta.url));
const { chromium } = needed("playwright-core");
const AXE = readFileSync(needed.resolve("axe-core/axe.min.js"), "utf8");
const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
  "--host-resolver-rules=MAP 192.0.2.1 127.0.0.1"]; // an address of documentation: no secure origin
const WAIT_MS = 30_000;

const { a, b, chromiumPath, shots } = JSON.parse(process.argv[2]);
const browser = await chromium.launch({ executablePath: chromiumPath, args: FLAGS });
const seen = { errors: [], axe: [] };

async function phone(origin, name) {
  const context = await browser.newContext({ viewport: { width: 320, height: 640 }, acceptDownloads: true });
  const page = await context.newPage();
  page.setDefaultTimeout(WAIT_MS);
  page.on("pageerror", (error) => seen.errors.push(`${name}: ${error.stack}`));
  page.on("console", (m) => { if (m.type() === "error") seen.errors.push(`${name}: ${m.text()}`); });
  await page.goto(origin);
  assert.equal(await page.evaluate(() => isSecureContext), false, "as a gateway's origin in life");
  await page.fill("#my-name", name);
  await page.click("button[type=submit]");
  await page.waitForSelector(".relay.on");
  return page;
}

// No sideways scrolling, nothing that axe finds serious.
async function look(page, name) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, `${name} scrolls sideways by ${wide} px`);
  const inside = await page.evaluate(() => Array.from(document.querySelectorAll(".sheet"), (e) => e.scrollWidth - e.clientWidth));
  assert.ok(inside.every((n) => n <= 0), `${name}: something is wider than its sheet`);
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => window.axe.run(document));
  for (const v of violations) {
    if (v.impact === "serious" || v.impact === "critical") seen.axe.push(`${name}: ${v.id} ${v.nodes.map((n) => n.html).join(" ")}`);
  }
  if (shots) await page.screenshot({ path: `${shots}/${name}.png` });
}

const go = (page, hash) => page.evaluate((to) => { location.hash = to; }, hash);
const has = (page, selector, text) => page.locator(selector, { hasText: text }).first().waitFor();

const ana = await phone(a, "Ana");
const bo = await phone(b, "Bo");

// --- a check-in, by the keyboard alone

await go(ana, "board");
await has(ana, ".sheet", "Nothing is on the board yet.");
await look(ana, "empty");
await ana.keyboard.press("Tab"); // from the title, which has the focus
while (!/I am safe/.test(await ana.evaluate(() => document.activeElement.textContent))) await ana.keyboard.press("Tab");
await ana.keyboard.press("Enter");
await ana.waitForFunction(() => document.activeElement.id === "notice-text");
const left = async () => Number(/\d+/.exec(await ana.locator("#notice-left").textContent())[0]);
await ana.waitForFunction(() => /\d/.test(document.querySelector("#notice-left").textContent));
const free = await left();
await ana.keyboard.type("=all well at the mill");
assert.ok((await left()) < free && free > 100, "the counter counts down");
await ana.keyboard.press("Tab");
await ana.keyboard.press("Enter");
await has(ana, ".notices li", "=all well at the mill");

// --- too long, and no position: said beside the field, nothing lost

await ana.click("text=Looking for");
await ana.fill("#notice-text", Array.from({ length: 300 }, (_, i) => i * 7919).join("."));
assert.match(await ana.locator("#notice-left").textContent(), /too many/);
await ana.click("text=Tell everybody");
await has(ana, "#notice-wrong", "shorten");
await look(ana, "too-long");
await ana.click("text=Not now");

// --- a call for help

await go(bo, "mesh");
await go(ana, "board");
await ana.click("text=Call for help (SOS)");
await look(ana, "sos-form");
await ana.check("input[value=trapped]");
await ana.fill("#notice-text", "two of us in the cellar");
await ana.fill("#notice-place", "in the cellar");
await ana.click("text=Yes, call for help");
await has(ana, "#notice-wrong", "no position");
assert.equal(await ana.inputValue("#notice-text"), "two of us in the cellar");
await ana.fill("#notice-place", "46.9481, -7.4474");
await ana.click("text=Yes, call for help");
await has(ana, ".notices li.call", "On the mesh");
await look(ana, "mine");

await has(bo, "[role=alert] a", "SOS: Ana calls for help"); // whatever he looks at
await look(bo, "alarm");
await go(bo, "");
await has(bo, ".actions .unread.call", "1");
await bo.click("[role=alert] a");
await has(bo, ".notices li.call", "two of us in the cellar");
const call = await bo.locator(".notices li.call").textContent();
assert.match(call, /SOS: Trapped.*0 minutes ago.*Ana.*46\.9481, -7\.4474.*heard directly/s);
await has(bo, ".notices li", "all well at the mill");
assert.equal(await bo.locator(".sheet [role=alert]").first().textContent(), "SOS: Ana calls for help", "said aloud");
assert.equal(await bo.locator(".banner.call").count(), 0, "he has seen it");
await look(bo, "board");

// --- in another language, from right to left

await go(bo, "settings");
await bo.selectOption("#language", "ar");
await go(bo, "board");
await has(bo, ".notices li.call", "استغاثة: محاصر");
await look(bo, "board-ar");
await go(bo, "settings");
await bo.selectOption("#language", "en");
await go(bo, "board");

// --- search, filter, table

await bo.fill("#board-search", "CELLAR trapped");
await bo.waitForFunction(() => document.querySelectorAll(".notices li").length === 1);
await bo.fill("#board-search", "");
await bo.selectOption("#board-kind", "safe");
await bo.waitForFunction(() => document.querySelectorAll(".notices li").length === 1);
await bo.selectOption("#board-kind", "");
const [download] = await Promise.all([bo.waitForEvent("download"), bo.click("text=Save as a table (CSV)")]);
seen.table = readFileSync(await download.path(), "utf8");
seen.file = download.suggestedFilename();

// --- its end

await ana.locator(".notices li.call", { hasText: "On the mesh" }).getByRole("button").click();
await has(bo, ".notices li.over", "Taken back by its author");
assert.ok(!/cellar/.test(await bo.locator(".notices").textContent()), "its words are gone");
await look(bo, "over");

// --- what is written while the gateway is away goes out later, also after the page was closed

await ana.route("**/api/**", (route) => route.abort());
await go(ana, "board");
await ana.click(".sheet > .buttons >> text=I am safe");
await ana.fill("#notice-text", "written without a gateway");
await ana.click("text=Tell everybody");
await has(ana, ".notices li", "Kept on this phone");
await ana.unroute("**/api/**");
await ana.reload();
await has(bo, ".notices li", "written without a gateway");

await browser.close();
seen.errors = seen.errors.filter((e) => !/Failed to load resource|ERR_FAILED/.test(e));
console.log(JSON.stringify(seen));
