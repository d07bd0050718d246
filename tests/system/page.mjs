// Three phones in a real browser, on gateways whose host names are no secure origin, as in life.
// Reads {a, b, shots} as JSON from its argument, prints what it saw as JSON. test_page.py starts it.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const needed = createRequire(new URL("../../gateway/web/package.json", import.meta.url));
const { chromium } = needed("playwright-core");
const AXE = readFileSync(needed.resolve("axe-core/axe.min.js"), "utf8");
const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
  "--host-resolver-rules=MAP *.mesh 127.0.0.1"];
const NARROW = { width: 320, height: 640 };
const MESH_MS = 60_000; // a message through the mesh on a busy machine
const PICTURE_MS = 240_000;

const { a, b, shots, chromiumPath } = JSON.parse(process.argv[2]);
const browser = await chromium.launch({ executablePath: chromiumPath, args: FLAGS });
const seen = { errors: [], shots: [], axe: [] };

async function open(origin, name, more = {}) {
  const context = await browser.newContext({ viewport: NARROW, ...more });
  const page = await context.newPage();
  page.setDefaultTimeout(MESH_MS);
  page.bodies = [];
  page.on("pageerror", (error) => seen.errors.push(`${name}: ${error.stack}`));
  page.on("console", (m) => { if (m.type() === "error" && !/Failed to load resource|ERR_INTERNET/.test(m.text())) seen.errors.push(`${name}: ${m.text()}`); });
  page.on("response", (r) => r.text().then((t) => page.bodies.push(t), () => {}));
  await page.goto(origin);
  return page;
}

async function phone(origin, name, more) {
  const page = await open(origin, name, more);
  assert.deepEqual(
    await page.evaluate(() => [isSecureContext, typeof crypto.subtle]), [false, "undefined"],
    "this origin is as a gateway's");
  await page.fill("#my-name", name);
  if (name === "Ana") await look(page, "start");
  await page.click("button[type=submit]");
  await page.waitForSelector(".relay.on");
  return page;
}

const go = async (page, hash) => {
  await page.evaluate((to) => { location.hash = to; }, hash);
};

// No sideways scrolling, nothing that axe finds serious, and a picture of it.
async function look(page, name, keep = true) {
  await page.waitForTimeout(150); // a frame, so that the picture is not half drawn
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, `${name} scrolls sideways by ${wide} px`);
  await page.evaluate(AXE);
  const found = await page.evaluate(() => window.axe.run(document));
  for (const v of found.violations) {
    if (v.impact === "serious" || v.impact === "critical") seen.axe.push(`${name}: ${v.id} ${v.nodes.map((n) => n.html).join(" ")}`);
  }
  if (!keep) return;
  const path = join(shots, `page-${name}.png`);
  const size = (await page.screenshot({ path })).length;
  assert.ok(size > 3000, `${name} is empty`);
  seen.shots.push(path);
}

const write = async (page, text) => {
  await page.fill("#text", text);
  await page.click(".composer button[type=submit]");
  await page.waitForFunction(() => !document.querySelector("#text").value);
};
const bubble = (page, text) => page.locator(".bubble", { hasText: text });
const delivered = (page, text) => bubble(page, text).and(page.locator(".delivered")).waitFor();

const ana = await phone(a, "Ana");
await look(ana, "empty");
const bo = await phone(b, "Bo");
const cy = await phone(a, "Cy");

// --- they add each other by the codes on their screens

async function codeOf(page, keep) {
  await go(page, "card");
  await page.waitForSelector(".code svg");
  if (keep) await look(page, "card");
  const path = join(shots, "code.png");
  await page.locator(".code svg").screenshot({ path });
  return { path, text: await page.locator(".code svg").getAttribute("data-code") };
}

async function add(page, code, keep) {
  await go(page, "add");
  await page.setInputFiles("#card-photo", code.path);
  await page.waitForFunction(() => document.querySelector("#card").value.length > 100);
  assert.equal(await page.inputValue("#card"), code.text);
  if (keep) await look(page, "add");
  await page.click(".card-form button[type=submit]");
  await page.waitForSelector("#text");
}

await add(bo, await codeOf(ana, true), true);
await add(ana, await codeOf(bo));
await add(ana, await codeOf(cy));

// what is wrong is said beside the field, and nothing is lost
await go(ana, "add");
await ana.fill("#card", "HELIO:ABC");
await ana.click(".card-form button[type=submit]");
assert.match(await ana.locator("#card-wrong").textContent(), /incomplete or mistyped/);
assert.equal(await ana.inputValue("#card"), "HELIO:ABC");

// --- they chat, both ways, over the relays

const chatWith = async (page, name) => {
  await go(page, "");
  await page.locator(".chats a", { hasText: name }).click();
  await page.waitForSelector("#text");
};
await chatWith(ana, "Bo");
await ana.click(".composer button[type=submit]");
assert.match(await ana.locator("#text-wrong").textContent(), /Write something/);
await write(ana, "The bridge at Kestrel Ford is down. Twelve people are safe in the school; send water.");
await delivered(ana, "Kestrel Ford");
await chatWith(bo, "Ana");
await bubble(bo, "Kestrel Ford").waitFor();
await write(bo, "Water is on its way to the school, with Petra. Two hours.");
await delivered(bo, "with Petra");
await bubble(ana, "with Petra").waitFor();
await write(ana, "شكراً جزيلاً 🙏");
await delivered(ana, "شكراً");

// on a wide screen list and chat stand side by side: the picture in the README
await bo.setViewportSize({ width: 900, height: 560 });
for (const scheme of ["light", "dark"]) {
  await bo.emulateMedia({ colorScheme: scheme });
  await look(bo, "wide", false);
  await bo.screenshot({ path: join(shots, scheme === "light" ? "chat.png" : "chat-dark.png") });
}
await bo.emulateMedia({ colorScheme: "light" });
await bo.setViewportSize(NARROW);

// --- a picture

const picture = await ana.evaluate(() => { // a sky with some grain: too large as it is
  const canvas = Object.assign(document.createElement("canvas"), { width: 480, height: 320 });
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(480, 320);
  for (let i = 0; i < image.data.length; i += 4) {
    const down = i / image.data.length;
    const grain = 16 * Math.random() - 8;
    image.data.set([90 + 140 * down + grain, 140 + 40 * down + grain, 220 - 90 * down + grain, 255], i);
  }
  pen.putImageData(image, 0, 0);
  return canvas.toDataURL("image/png").split(",")[1];
});
const original = Buffer.from(picture, "base64");
assert.ok(original.length > 48 * 1024);
await ana.setInputFiles("#attach", { name: "bridge.png", mimeType: "image/png", buffer: original });
await ana.locator(".attached", { hasText: "bridge.jpg" }).waitFor();
await ana.click(".composer button[type=submit]");
await ana.locator(".bubble progress[max]").waitFor(); // how many of its pieces have left,
await bo.locator(".arriving progress[max]").waitFor({ state: "attached", timeout: PICTURE_MS }); // and come
await bo.locator("img.picture").waitFor({ timeout: PICTURE_MS });
await bo.locator(".arriving").waitFor({ state: "detached" });
await ana.locator(".bubble.delivered img.picture").waitFor({ timeout: PICTURE_MS });
await bo.waitForFunction(() => { // the newest is in sight, though the picture came later
  const box = document.querySelector("#scroll");
  return box.scrollHeight - box.scrollTop - box.clientHeight < 60;
});
const [sent, got] = await Promise.all([ana, bo].map((p) => p.locator("img.picture").getAttribute("src")));
assert.equal(got, sent, "the picture is the same on both sides");
seen.picture = Math.round((sent.length * 3) / 4);
await look(ana, "chat");

// --- offline and back

await bo.context().setOffline(true);
await write(bo, "I write this without a gateway.");
await bubble(bo, "without a gateway").and(bo.locator(".waiting")).waitFor();
await bo.locator(".banner", { hasText: "out of reach" }).waitFor();
await look(bo, "away");
await write(ana, "Are you there?");
await bubble(ana, "Are you there").and(ana.locator(".on_mesh, .queued")).waitFor();
await bo.context().setOffline(false);
await delivered(bo, "without a gateway");
await bubble(bo, "Are you there?").waitFor();
await delivered(ana, "Are you there?");
await bubble(ana, "without a gateway").waitFor();

// the page is closed and opened: all is still there, once
await bo.reload();
await bubble(bo, "Are you there?").waitFor();
assert.equal(await bubble(bo, "Kestrel Ford").count(), 1);
assert.equal(await bo.locator(".bubble").count(), await ana.locator(".bubble").count());

// --- to several; a phone that is away gets it when it is back

const cyOrigin = cy.url();
await cy.goto("about:blank");
await go(ana, "several");
await ana.locator(".choice", { hasText: "Bo" }).click();
await ana.locator(".choice", { hasText: "Cy" }).click();
await look(ana, "several");
await write(ana, "Meeting at six in the school.");
await chatWith(ana, "Bo");
await delivered(ana, "Meeting at six");
await bubble(ana, "Meeting at six").locator("summary", { hasText: "1 of 2 delivered" }).click();
assert.match(await bubble(ana, "Meeting at six").textContent(), /Bo: Delivered/);
await look(ana, "receipts");
await cy.goto(cyOrigin);
await bubble(ana, "Meeting at six").locator("summary", { hasText: "2 of 2 delivered" }).waitFor();
await go(cy, "");
await cy.locator(".chats a", { hasText: "Ana" }).click();
await bubble(cy, "Meeting at six").waitFor();
await look(cy, "stranger");

// --- the third has read nothing of what was not for them

const kept = await cy.evaluate(() => new Promise((resolve) => {
  indexedDB.open("heliograph").onsuccess = (event) => {
    event.target.result.transaction("messages").objectStore("messages").getAll().onsuccess = (e) =>
      resolve(e.target.result.map((m) => m.text));
  };
}));
assert.deepEqual(kept, ["Meeting at six in the school."]);
for (const page of [ana, bo, cy]) {
  for (const secret of ["Kestrel Ford", "with Petra", "without a gateway"]) {
    assert.ok(!page.bodies.some((body) => body.includes(secret)), `${secret} was on the wire`);
  }
}

// --- a second tab shows the same, once; what is looked for is found

const twin = await ana.context().newPage();
await twin.goto(a);
await twin.locator(".chats a", { hasText: "Bo" }).click();
await write(bo, "Seen in both tabs?");
for (const tab of [ana, twin]) await bubble(tab, "both tabs").waitFor();
await ana.fill("#text", "In b"); // a draft is the same in both, and sent once
await twin.waitForFunction(() => document.querySelector("#text").value === "In b");
await write(twin, "In both.");
await ana.waitForFunction(() => !document.querySelector("#text").value);
await delivered(ana, "In both.");
for (const tab of [ana, twin, bo]) assert.equal(await bubble(tab, "In both.").count(), 1);
await go(twin, "");
await twin.fill("#search", "kestrel");
assert.equal(await twin.locator(".chats a").count(), 1);
await twin.locator(".chats a").click();
await twin.waitForFunction(() => document.activeElement.textContent.includes("Kestrel Ford"));
await twin.close();

// --- another phone becomes Bo by his kit, and gets what is written from now on

await go(bo, "settings");
await bo.getByRole("button", { name: "Show my kit" }).click();
const kit = await bo.inputValue("#code-text");
const second = await open(`${b}#kit/${kit}/${(await codeOf(ana)).text.split("#card/")[1]}`, "Bo again");
await second.getByRole("button", { name: "Use it here" }).click();
await second.locator(".chats a", { hasText: "Ana" }).click();
assert.ok(!second.url().includes("KIT"), "the address does not keep the keys");
await chatWith(ana, "Bo");
await write(ana, "Which phone is it?");
await bubble(second, "Which phone").waitFor();
await go(second, "settings");
await second.locator("button", { hasText: "Forget this phone" }).click();
await second.getByRole("button", { name: "Yes, delete everything" }).click();
await second.waitForSelector("#my-name");
assert.deepEqual(await second.evaluate(async () => (await indexedDB.databases()).map((d) => d.name)
  .filter((name) => name === "heliograph").length && (await new Promise((resolve) => {
    indexedDB.open("heliograph").onsuccess = (e) => {
      e.target.result.transaction("kv").objectStore("kv").getAllKeys().onsuccess = (k) => resolve(k.target.result);
    };
  }))), []);

// --- the other pages; the dark, and from right to left

await go(ana, "");
await ana.waitForSelector(".chats");
await look(ana, "list");
await go(ana, "mesh");
await ana.waitForSelector(".graph g:not(.home)");
await look(ana, "mesh");
await go(ana, "safety");
await ana.locator("h2", { hasText: "How safe" }).waitFor();
await look(ana, "safety");
await go(ana, "settings");
await ana.selectOption("#language", "ar");
await ana.waitForFunction(() => document.documentElement.dir === "rtl");
await look(ana, "settings-ar");
await chatWith(ana, "Bo");
await look(ana, "chat-ar");
await ana.emulateMedia({ colorScheme: "dark" });
await look(ana, "chat-ar-dark");
await bo.emulateMedia({ colorScheme: "dark" });
await go(bo, "");
await bo.waitForSelector(".chats");
await look(bo, "list-dark");
await browser.close();
assert.deepEqual(seen.axe, []);
assert.deepEqual(seen.errors, []);
console.log(JSON.stringify(seen));
