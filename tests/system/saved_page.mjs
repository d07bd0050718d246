// The page in one file, opened from disk in a real browser, speaks to a gateway whose address is
// typed; the gateway's own page saves the same bytes. Reads {url, file, saved, chromiumPath} as JSON.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const needed = createRequire(new URL("../../gateway/web/package.json", import.meta.url));
const { chromium } = needed("playwright-core");
const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
  "--disable-background-networking", "--disable-component-update", "--host-resolver-rules=MAP *.mesh 127.0.0.1"];

const { url, file, chromiumPath } = JSON.parse(process.argv[2]);
const browser = await chromium.launch({ executablePath: chromiumPath, args: FLAGS });
const errors = [];
const asked = new Set();

async function open(address, name) {
  const page = await (await browser.newContext({ viewport: { width: 320, height: 640 } })).newPage();
  page.setDefaultTimeout(30_000);
  page.on("pageerror", (error) => errors.push(`${name}: ${error.stack}`));
  page.on("console", (m) => { if (m.type() === "error" && !/Failed to load resource|ERR_/.test(m.text())) errors.push(`${name}: ${m.text()}`); });
  if (address.startsWith("file:")) page.on("request", (r) => asked.add(new URL(r.url()).pathname));
  await page.goto(address);
  await page.fill("#my-name", name);
  await page.click("button[type=submit]");
  await page.waitForSelector("#side");
  return page;
}
const go = (page, hash) => page.evaluate((to) => { location.hash = to; }, hash);

async function add(page, card) {
  await go(page, "add");
  await page.fill("#card", card);
  await page.click(".card-form button[type=submit]");
  await page.waitForSelector("#text");
}
const cardOf = async (page) => {
  await go(page, "card");
  return page.inputValue("#code-text");
};
const wide = (page) => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);

const bo = await open(`file://${file}`, "Bo");
assert.ok(await wide(bo) <= 0);
await bo.fill("#address", "not an address");
await bo.click(".address button");
assert.match(await bo.locator("#address-wrong").textContent(), /no address/);
await bo.fill("#address", url.replace("http://", "").replace(/\/$/, ""));
await bo.click(".address button");
await bo.getByText("at A").waitFor(); // it has met the gateway

// --- the gateway's own page gives the same file

const ana = await open(url, "Ana");
await go(ana, "safety");
await ana.getByRole("button", { name: "Save this page" }).click();
const [download] = await Promise.all([ana.waitForEvent("download"), ana.getByRole("link", { name: /heliograph.html/ }).click()]);
const bytes = readFileSync(await download.path());
assert.ok(bytes.equals(readFileSync(file)));
await ana.getByText(createHash("sha256").update(bytes).digest("hex")).waitFor();

// --- and they write to each other

const card = await cardOf(bo);
await add(ana, card);
await add(bo, await cardOf(ana));
for (const [from, to, text] of [[bo, ana, "from a file"], [ana, bo, "to a file"]]) {
  for (const page of [from, to]) {
    await go(page, "");
    await page.locator(".chats a").click();
  }
  await from.fill("#text", text);
  await from.click(".composer button[type=submit]");
  await to.locator(".bubble", { hasText: text }).waitFor();
  await from.locator(".bubble.delivered", { hasText: text }).waitFor();
}
await bo.reload();
await bo.locator(".bubble", { hasText: "to a file" }).waitFor();
assert.equal(await bo.inputValue("#address"), url.replace(/\/$/, ""));
await go(bo, "settings");
await bo.selectOption("#language", "ar");
await bo.waitForFunction(() => document.documentElement.dir === "rtl");
assert.deepEqual([...asked].filter((path) => path !== file && !path.startsWith("/api/") && !path.startsWith("image/svg")), []);
await browser.close();

// --- letters twice as large, on a phone of 320 pixels: nothing leaves the screen

const large = await chromium.launch({ executablePath: chromiumPath, args: [...FLAGS, "--blink-settings=defaultFontSize=32"] });
const cy = await large.newPage({ viewport: { width: 320, height: 640 } });
await cy.goto(url);
await cy.fill("#my-name", "Cy Wolfeschlegelsteinhausen");
await cy.click("button[type=submit]");
await add(cy, card);
await cy.fill("#text", "Twelve people are safe in the school.");
await cy.click(".composer button[type=submit]");
await cy.locator(".bubble").waitFor();
const outside = () => Array.from(document.querySelectorAll("body *")).filter((e) => {
  const { width, left, right } = e.getBoundingClientRect();
  return width && (left < -1 || right > innerWidth + 1) && !e.closest(".unseen") && !e.closest("svg");
}).map((e) => e.outerHTML.slice(0, 200));
for (const view of [cy.url().split("#")[1], "", "add", "card", "several", "mesh", "settings", "safety"]) {
  await go(cy, view);
  await cy.waitForTimeout(200); // drawn
  assert.deepEqual(await cy.evaluate(outside), [], view);
}
await large.close();
assert.deepEqual(errors, []);
console.log("done");
