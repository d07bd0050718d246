// Two phones with the page's code at two real gateways: Ana lets herself be found at A, Bo looks for
// her at B until he finds her. Reads {a, b, name} from its argument, prints who was found as JSON.
// tests/gateway/test_find_people.py starts it.

import "./no_subtle.mjs";
import { needed } from "./mesh.mjs";
import { Gateway, accountId, cardOf, deviceId, newIdentity } from "../../gateway/web/src/core.js";
import { peopleOf } from "../../gateway/web/src/directory.js";
import { wish } from "../../gateway/web/src/findable.js";
import { Store } from "../../gateway/web/src/store.js";

const { IDBFactory } = needed("fake-indexeddb");
const AGAIN_MS = 200; // he asks again, as people do; the test's own limit ends it
const { a, b, name } = JSON.parse(process.argv[2]);

async function phoneAt(base, me) {
  const gateway = new Gateway(me, fetch, base);
  await gateway.register();
  return { me, gateway, store: await Store.open(new IDBFactory()) };
}

const ana = await phoneAt(a, newIdentity(name));
const bo = await phoneAt(b, newIdentity("Bo"));
const before = peopleOf(await bo.gateway.directory(name)).length;
const wished = await wish(ana, true, 10);
let found = [];
while (!found.length || !found[0].cards.length) {
  found = peopleOf(await bo.gateway.directory(name));
  await new Promise((go) => { setTimeout(go, AGAIN_MS); });
}
const known = peopleOf(await ana.gateway.directory(accountId(cardOf(ana.me))));
const again = await wish(ana, true, 10); // the next start says nothing new
const after = peopleOf(await ana.gateway.directory(accountId(cardOf(ana.me))));
console.log(JSON.stringify({
  before, wished, again, found: found.map((p) => ({ id: p.id, name: p.name, devices: p.cards.map(deviceId), marks: p.marks })),
  ana: { id: accountId(cardOf(ana.me)), device: deviceId(cardOf(ana.me)) },
  sequences: [known[0].sequence, after[0].sequence],
}));
