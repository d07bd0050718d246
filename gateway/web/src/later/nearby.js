// Who is at this gateway and wants to be seen; and letting oneself be seen, while this page is open.

import {
  Bar, NO_BOX_ROOT, Refused, Wrong, cardOf, cardText, deviceId, html, parseCard, t, useAttempt, useEffect, useState, words,
} from "../shared.js";

const EVERY_MS = 10_000;

export function Nearby({ phone }) {
  const [found, setFound] = useState(null); // not asked yet
  const [seen, setSeen] = useState(Boolean(phone.gateway.seenAs));
  const [wrong, attempt, busy] = useAttempt();
  const look = async () => {
    try {
      setFound(cardsIn(await phone.gateway.nearby()).filter((card) => deviceId(card) !== phone.id));
    } catch (away) { /* the banner says so */ }
  };
  useEffect(() => {
    look();
    const timer = setInterval(look, EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  const change = (event) => {
    const wished = event.target.checked;
    setSeen(wished);
    attempt(async () => {
      try {
        await beSeen(phone, wished);
      } catch (error) {
        if (error instanceof Refused) setSeen(false);
        throw error;
      }
    });
  };
  const add = (card) => attempt(() => phone.addCard(card));
  return html`<section class="view" aria-labelledby="view-title"><${Bar} title=${t("nearby")} />
    <div class="sheet"><p id="nearby-how">${t("nearby_how")}</p>
      <label class="choice"><input id="nearby-seen" type="checkbox" checked=${seen} aria-disabled=${busy}
        aria-describedby="nearby-how nearby-wrong" onChange=${change} />${t("nearby_seen")}</label>
      <${Wrong} id="nearby-wrong">${wrong}<//>
      <p role="status">${found && found.length === 0 ? t("nearby_none") : ""}</p>
      ${found && found.length > 0 && html`<ul class="found">${found.map((card) => html`
        <${Somebody} key=${deviceId(card)} phone=${phone} card=${card} add=${add} busy=${busy} />`)}</ul>`}
    </div></section>`;
}

// Tell the gateway, now and whenever we say hello to one.
export function beSeen({ gateway, me }, wished) {
  // Without the box root: who has that recognises our mail.
  gateway.seenAs = wished ? cardText({ ...cardOf(me), boxRoot: NO_BOX_ROOT }) : "";
  return gateway.register();
}

export function cardsIn({ here }) {
  const cards = [];
  for (const one of Array.isArray(here) ? here : []) {
    try {
      cards.push(parseCard(one.card));
    } catch (none) { /* what is no card is nobody */ }
  }
  return cards;
}

function Somebody({ phone, card, add, busy }) {
  const id = deviceId(card);
  const known = phone.people.get(id);
  const namesake = Array.from(phone.people.values()).some((p) => p.name === card.name && p.id !== id);
  const label = `near-${id}`;
  return html`<li><p class="big"><bdi>${card.name}</bdi></p>
    <p id=${label}><span class="words" dir="ltr">${words(id)}</span></p>
    ${namesake && html`<p class="error">${t("same_name")}</p>`}
    <p>${known && known.standing === "contact"
      ? html`<a class="button" href=${"#c/" + id} aria-describedby=${label}>${t("find_write")}</a>`
      : html`<button type="button" class="primary" aria-disabled=${busy} aria-describedby=${label}
          onClick=${() => add(card)}>${t("find_add", { name: card.name })}</button>`}</p></li>`;
}
