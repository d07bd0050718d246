// A group of three phones in a real browser. Reads {a, b, shots, chromiumPath} as JSON from its
// argument, prints what was wrong as JSON. test_group_page.py starts it.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const needed = createRequire(new URL("../../gateway/web/package.json", import.meta.url));
const { chromium } = needed("playwright-core");
const AXE = readFileSync(needed.resolve("axe-core/axe.min.js"), "utf8");
const { a, b, shots, chromiumPath } = JSON.parse(process.argv[2]);
const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath: chromiumPath, args: FLAGS });
const wrong = [];

async function phone(origin, name) {
  const page = await (await browser.newContext({ viewport: { width: 320, height: 640 } })).newPage();
  page.setDefaultTimeout(30_000);
  page.on("pageerror", (error) => wrong.push(`${name}: ${error.stack}`));
  page.on("console", (m) => { if (m.type() === "error" && !/Failed to load resource/.test(m.text())) wrong.push(`${name}: ${m.text()}`); });
  await page.goto(origin);
  await page.fill("#my-name", name);
  await page.click("button[type=submit]");
  await page.waitForSelector("a[href='#group']");
  return page;
}

const go = (page, hash) => page.evaluate((to) => { location.hash = to; }, hash);

async function look(page, name) {
  await page.waitForTimeout(150); // a frame, so that the picture is not half drawn
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, `${name} scrolls sideways by ${wide} px`);
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => window.axe.run(document));
  for (const v of violations) {
    if (v.impact === "serious" || v.impact === "critical") wrong.push(`${name}: ${v.id} ${v.nodes.map((n) => n.html).join(" ")}`);
  }
  assert.ok((await page.screenshot({ path: join(shots, `group-${name}.png`) })).length > 3000, `${name} is empty`);
}

async function cardOf(page) {
  await go(page, "card");
  return page.locator(".code svg").getAttribute("data-code");
}

async function add(page, card) {
  await go(page, "add");
  await page.fill("#card", card);
  await page.click(".card-form button[type=submit]");
  await page.waitForSelector("#text");
}

async function openGroup(page) {
  await go(page, "");
  await page.locator(".chats a", { hasText: "Well" }).click();
}

async function write(page, text) {
  await page.fill("#text", text);
  await page.click(".composer button[type=submit]");
}

const shows = (page, text, state = "") => page.locator(".bubble" + state, { hasText: text }).waitFor();
const says = (page, text) => page.locator(".notice", { hasText: text }).waitFor();

const [ana, bo, cy] = [await phone(a, "Ana"), await phone(a, "Bo"), await phone(b, "Cy")];
await add(ana, await cardOf(bo));
await add(ana, await cardOf(cy));

// what is wrong is said beside the field
await go(ana, "group");
await ana.click("form button[type=submit]");
await ana.locator("#group-wrong", { hasText: "at least one" }).waitFor();
await ana.fill("#group-name", "Well");
for (const name of ["Bo", "Cy"]) await ana.getByLabel(name).check();
await look(ana, "new");
await ana.click("form button[type=submit]");
await says(ana, "Asked in: Bo, Cy");

await openGroup(bo);
await bo.locator(".foot").getByText("Ana asks you").waitFor();
await look(bo, "invited");
for (const page of [bo, cy]) {
  if (page !== bo) await openGroup(page);
  await page.locator(".foot .primary").click();
  await says(page, "You have joined");
}
await says(ana, "Cy has joined");
await write(ana, "Meet at the well");
await shows(bo, "Meet at the well");
await shows(cy, "Meet at the well");
await shows(ana, "Meet at the well", ".delivered");
await write(cy, "On my way");
await shows(ana, "On my way");
assert.equal(await ana.locator(".bubble .from").textContent(), "Cy");
await shows(cy, "On my way", ".delivered");

// unread, search, a file
await go(bo, "");
await write(ana, "one more");
await bo.locator(".chats .unread").waitFor();
await bo.fill("#search", "one more");
await bo.locator(".chats a", { hasText: "Well" }).waitFor();
await bo.fill("#search", "");
await openGroup(ana);
await ana.setInputFiles("#attach", { name: "list.txt", mimeType: "text/plain", buffer: Buffer.from("water ".repeat(300)) });
await ana.waitForSelector(".attached");
await ana.click(".composer button[type=submit]");
await shows(cy, "list.txt");

// who is in it, and one who is not any more
await ana.locator(".details summary").click();
await look(ana, "members");
assert.equal(await ana.locator(".members li").count(), 3);
await ana.getByText("Remove Cy", { exact: true }).click();
await ana.getByText("Yes, remove Cy").click();
await says(ana, "Not in the group any more: Cy");
await cy.locator(".foot").getByText("not in this group any more").waitFor();
await write(ana, "between us two");
await openGroup(bo);
await shows(bo, "between us two");
assert.equal(await cy.locator(".bubble", { hasText: "between us" }).count(), 0);
await look(ana, "chat");
await look(cy, "out");
await cy.reload();
await cy.locator(".foot").getByText("not in this group any more").waitFor();

await browser.close();
console.log(JSON.stringify(wrong));
