// In a real browser: a second device joins by codes, a friend writes to both and hears from both, one is
// lost and taken off, and a locked kit brings a phone back. Reads {a, b, chromiumPath} as JSON from its
// argument, prints what it saw. test_devices_page.py starts it.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const needed = createRequire(new URL("../../gateway/web/package.json", import.meta.url));
const { chromium } = needed("playwright-core");
const AXE = readFileSync(needed.resolve("axe-core/axe.min.js"), "utf8");
const NEWS_MS = 90_000; // the page waits 20 s before it tells news of devices
const PHRASE = "five words that nobody expects";

const { a, b, chromiumPath, shots } = JSON.parse(process.argv[2]);
const browser = await chromium.launch({ executablePath: chromiumPath, args: ["--headless", "--no-sandbox", "--disable-gpu"] });
const seen = { errors: [], axe: [] };

async function open(origin, name) {
  const page = await (await browser.newContext({ viewport: { width: 320, height: 640 } })).newPage();
  page.setDefaultTimeout(NEWS_MS);
  page.on("pageerror", (error) => seen.errors.push(`${name}: ${error.stack}`));
  page.on("console", (m) => { if (m.type() === "error" && !/Failed to load resource/.test(m.text())) seen.errors.push(`${name}: ${m.text()}`); });
  await page.goto(origin);
  return page;
}

async function phone(origin, name) {
  const page = await open(origin, name);
  await page.fill("#my-name", name);
  await page.click("form button[type=submit]");
  await page.waitForSelector(".actions");
  return page;
}

const go = (page, hash) => page.evaluate((to) => { location.hash = to; }, hash);

async function look(page, name) {
  await page.waitForTimeout(150); // a frame, so that nothing is half drawn
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, `${name} scrolls sideways by ${wide} px`);
  await page.evaluate(AXE);
  for (const v of (await page.evaluate(() => window.axe.run(document))).violations) {
    if (v.impact === "serious" || v.impact === "critical") seen.axe.push(`${name}: ${v.id} ${v.nodes.map((n) => n.html).join(" ")}`);
  }
  await page.screenshot({ path: `${shots}/${name}.png`, fullPage: true });
}

async function cardOf(page) {
  await go(page, "card");
  await page.waitForSelector("#code-text");
  return page.inputValue("#code-text");
}

async function add(page, card) {
  await go(page, "card/" + card);
  await page.waitForFunction(() => document.querySelector("#card") && document.querySelector("#card").value.length > 100);
  await page.click(".card-form button[type=submit]");
  await page.waitForSelector("#text");
}

async function write(page, text) {
  await page.fill("#text", text);
  await page.click(".composer button[type=submit]");
  await page.waitForFunction(() => !document.querySelector("#text").value);
}

const chatWith = async (page, name) => {
  await go(page, "");
  await page.locator(".chats a", { hasText: name }).click();
  await page.waitForSelector("#scroll");
};
const bubble = (page, text) => page.locator(".bubble", { hasText: text }).first();

const ana = await phone(a, "Ana");
const bo = await phone(b, "Bo");
await add(bo, await cardOf(ana));
await add(ana, await cardOf(bo));
await write(ana, "hello from the phone");
await chatWith(bo, "Ana");
await bubble(bo, "hello from the phone").waitFor();
await write(bo, "hello Ana");
await bubble(ana, "hello Ana").waitFor();

// --- the tablet joins

const tablet = await open(b, "tablet");
await tablet.locator("summary", { hasText: "another device" }).click();
await tablet.waitForSelector(".code svg");
await look(tablet, "join");
const request = await tablet.locator(".code svg").getAttribute("data-code");
assert.match(request, /#device\/HELIOASK:/);
await go(ana, "settings");
await ana.locator("a", { hasText: "Show my devices" }).click();
await ana.waitForSelector("#request");
await ana.fill("#request", "HELIOASK:ABC");
await ana.click(".card-form button[type=submit]");
await ana.locator("#request-wrong", { hasText: "incomplete or mistyped" }).waitFor();
await ana.fill("#request", request);
const words = await ana.locator(".card-form .words").textContent();
assert.ok((await tablet.locator("body").textContent()).includes(words), "both show the same words");
await look(ana, "admit");
await ana.click(".card-form button[type=submit]");
await ana.waitForSelector(".code svg");
const answer = await ana.locator(".code svg").getAttribute("data-code");
await look(ana, "answer");
await tablet.fill("#answer", "HELIODEVICE:ABC");
await tablet.locator("form button", { hasText: "Join" }).click();
await tablet.locator("#answer-wrong", { hasText: "incomplete or mistyped" }).waitFor();
await tablet.goto(answer.replace(a, b)); // as its camera would open it
await tablet.waitForFunction(() => document.querySelector("#answer") && document.querySelector("#answer").value.length > 100);
await tablet.locator("form button", { hasText: "Join" }).click();
await tablet.waitForSelector(".actions");

await bubble(bo, "has another device").waitFor();
await tablet.locator(".chats a", { hasText: "Bo" }).waitFor();
await write(bo, "to all that you have");
await chatWith(ana, "Bo");
await bubble(ana, "to all that you have").waitFor();
await chatWith(tablet, "Bo");
await bubble(tablet, "to all that you have").waitFor();
await bo.locator(".others summary", { hasText: "2 of 2 delivered" }).waitFor();
await look(bo, "two-devices");
await write(tablet, "from the tablet");
await bubble(bo, "from the tablet").waitFor();
assert.equal(await bo.locator(".chats li").count(), 1, "one person, one chat");
await bubble(ana, "from the tablet").waitFor();
assert.match(await bubble(ana, "from the tablet").textContent(), /another device of yours/);

// --- it is lost

await go(ana, "device");
await ana.locator("button", { hasText: "Remove" }).click();
await look(ana, "remove");
await ana.locator("button.danger").click();
await ana.waitForFunction(() => document.querySelectorAll(".found li").length === 1);
await bubble(bo, "has removed a device").waitFor();
await tablet.locator(".banner", { hasText: "has removed this one" }).waitFor();
await write(bo, "only the phone");
await chatWith(ana, "Bo");
await bubble(ana, "only the phone").waitFor();
assert.equal(await tablet.locator(".bubble", { hasText: "only the phone" }).count(), 0);

// --- a kit behind a passphrase

await go(ana, "settings");
await ana.waitForSelector("#lock-phrase");
await ana.waitForSelector("#read-marks:enabled");
await look(ana, "settings");
await ana.fill("#lock-phrase", "short");
await ana.locator("button", { hasText: "Show it locked" }).click();
await ana.locator("#lock-wrong", { hasText: "too short" }).waitFor();
await ana.fill("#lock-phrase", PHRASE);
await ana.locator("button", { hasText: "Show it locked" }).click();
await ana.waitForSelector("#code-text");
const kit = await ana.inputValue("#code-text");
const back = await open(b, "back");
await back.locator("summary", { hasText: "recovery kit" }).click();
await back.fill("#kit", kit);
await back.fill("#phrase", "another passphrase");
await back.locator("button", { hasText: "Restore" }).click();
await back.locator("#kit-wrong", { hasText: "not the passphrase" }).waitFor();
await back.fill("#phrase", PHRASE);
await back.locator("button", { hasText: "Restore" }).click();
await back.waitForSelector(".actions");
const wordsOf = async (page) => {
  await cardOf(page);
  return page.locator("p .words").textContent();
};
assert.equal(await wordsOf(back), await wordsOf(ana));

// --- and the keys on that phone are locked

await go(back, "settings");
await back.fill("#lock", PHRASE);
await back.click("#lock-change");
await back.locator("#lock-change", { hasText: "Remove the lock" }).waitFor();
await back.goto(b);
await back.reload();
await back.waitForSelector("#unlock");
await look(back, "unlock");
await back.fill("#unlock", "another passphrase");
await back.locator("button", { hasText: "Unlock" }).click();
await back.locator("#unlock-wrong", { hasText: "not the passphrase" }).waitFor();
await back.fill("#unlock", PHRASE);
await back.locator("button", { hasText: "Unlock" }).click();
await back.waitForSelector(".actions");
assert.equal(await wordsOf(back), await wordsOf(ana));

assert.deepEqual(seen.errors, []);
assert.deepEqual(seen.axe, []);
await browser.close();
console.log(JSON.stringify(seen));
