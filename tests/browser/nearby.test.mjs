// Being seen at a gateway: only while it is wished, and without what would give our mail away.

import "./no_subtle.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";
import { Gateway, NO_BOX_ROOT, cardOf, cardText, hex, newIdentity, parseCard } from "../../gateway/web/src/core.js";
import { beSeen, cardsIn } from "../../gateway/web/src/later/nearby.js";

const me = newIdentity("Ana");

function atGateway() {
  const asked = [];
  const fetch = async (url, request) => {
    asked.push([url, request.body && JSON.parse(new TextDecoder().decode(request.body))]);
    const told = url === "/api/gateway" ? { id: "02aa", now_ms: Date.now(), way: "" }
      : url === "/api/nearby" ? { here: [] } : { id: "x", uuid: "y" };
    return new Response(JSON.stringify(told));
  };
  return { gateway: new Gateway(me, fetch), asked };
}

test("nobody is seen who did not wish it, and each hello says what is wished now", async () => {
  const { gateway, asked } = atGateway();
  await gateway.register();
  assert.equal(asked[1][1].seen_as, "");
  await beSeen({ gateway, me }, true);
  const card = parseCard(asked[2][1].seen_as);
  assert.deepEqual([card.name, hex(card.device), hex(card.boxRoot)],
    ["Ana", hex(cardOf(me).device), hex(NO_BOX_ROOT)]);
  await gateway.register(); // another gateway, later
  assert.equal(asked[3][1].seen_as, asked[2][1].seen_as);
  await beSeen({ gateway, me }, false);
  assert.equal(asked[4][1].seen_as, "");
});

test("what a gateway shows is cards, or nobody", async () => {
  const { gateway } = atGateway();
  assert.deepEqual(cardsIn(await gateway.nearby()), []);
  const text = cardText({ ...cardOf(me), boxRoot: NO_BOX_ROOT });
  assert.deepEqual(cardsIn({ here: [{ card: "x" }, {}, { card: text, ago_s: 1 }] }).map((c) => c.name), ["Ana"]);
  for (const none of [{}, { here: "x" }, { here: {} }]) assert.deepEqual(cardsIn(none), []);
});
