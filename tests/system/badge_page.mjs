// Ana logs in on her page and shows the badge; Bo's page checks it, and stops believing a gateway
// that names another operator. Reads {url, issuer, chromiumPath} as JSON.

import assert from "node:assert/strict";
import { createRequire } from "node:module";

const needed = createRequire(new URL("../../gateway/web/package.json", import.meta.url));
const { chromium } = needed("playwright-core");
const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
  "--disable-background-networking", "--disable-component-update", "--host-resolver-rules=MAP *.mesh 127.0.0.1"];

const { url, issuer, chromiumPath } = JSON.parse(process.argv[2]);
const browser = await chromium.launch({ executablePath: chromiumPath, args: FLAGS });
const errors = [];

async function open(name) {
  const page = await (await browser.newContext({ viewport: { width: 320, height: 640 } })).newPage();
  page.setDefaultTimeout(30_000);
  page.on("pageerror", (error) => errors.push(`${name}: ${error.stack}`));
  await page.goto(url);
  await page.fill("#my-name", name);
  await page.click("button[type=submit]");
  await page.waitForSelector("#side");
  return page;
}
const go = (page, hash) => page.evaluate((to) => { location.hash = to; }, hash);

async function meet(page, other) {
  await go(other, "card");
  const card = await other.inputValue("#code-text");
  await go(page, "add");
  await page.fill("#card", card);
  await page.click(".card-form button[type=submit]");
  await page.waitForSelector("#text");
}

const [ana, bo] = [await open("Ana"), await open("Bo")];
await meet(bo, ana);
await meet(ana, bo);
await go(ana, "settings");
await ana.getByRole("button", { name: "Log in" }).click();
await ana.getByText("ABCD-EFGH").waitFor();
await ana.locator(".badge", { hasText: "amina" }).waitFor();
await ana.getByRole("button", { name: "Show it to all my contacts" }).click();
const shown = bo.locator(".bar .badge");
await go(bo, "");
await bo.locator(".chats a").click();
await shown.waitFor();
const said = (await shown.textContent()).replace(/[\u2068\u2069]/g, "");
assert.match(said, new RegExp(`^✓ amina at ${issuer}, according to gateway North, until `));
assert.equal(await bo.locator(".bubble").count(), 0);

// --- another gateway of the same network, which names an operator of its own

const real = await ana.evaluate(async () => (await fetch("/api/gateway")).json());
await bo.route("**/api/gateway", async (route) => {
  const now = await bo.evaluate(() => Date.now());
  await route.fulfill({ json: { ...real, now_ms: now, operator: "11".repeat(32) } });
});
await bo.reload();
await bo.locator(".bar .badge", { hasText: "names another operator" }).waitFor();
await browser.close();
assert.deepEqual(errors, []);
