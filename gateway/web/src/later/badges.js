// Badges beside names: one's own, by logging in at a provider, and those of others.

import { checkBadge, isProven, parseBadge, proofOf } from "../badge.js";
import { Refused, Wrong, accountId, b64, cardOf, day, equal, html, t, unhex, useAttempt, useEffect, useState } from "../shared.js";

// The operator's key of a network as gateways have told it: the first one counts, another one is
// not believed. -> {operator: hex or "", changed}
async function operatorOf(phone) {
  const info = phone.info || {};
  const known = (await phone.store.value("operators")) || { last: "", keys: {} };
  const network = info.network || known.last;
  const before = known.keys[network];
  if (info.operator && !before) {
    await phone.store.keep("operators", { last: network, keys: { ...known.keys, [network]: info.operator } });
  }
  return { operator: before || info.operator || "", changed: Boolean(before && info.operator && before !== info.operator) };
}

// A name that turns no letters round it, whichever way it is written.
const alone = (name) => `\u2068${name}\u2069`;

// What is to be said of a badge of this card's account: {key, ...values for t()}.
async function judged(phone, card, { proof, badge }) {
  const { operator, changed } = await operatorOf(phone);
  if (changed) return { key: "badge_operator" };
  if (!operator) return { key: "badge_unknown" };
  try {
    const said = checkBadge(badge, unhex(operator), phone.gateway.nowMs() / 1000);
    if (!equal(said.account, card.account) || !isProven(card, proof)) return { key: "badge_false" };
    return {
      key: said.expired ? "badge_expired" : "badge", holds: !said.expired, username: alone(said.username),
      issuer: alone(said.issuer.replace("https://", "")), gateway: alone(said.gateway), day: day(said.until),
    };
  } catch (refused) {
    return { key: "badge_false" };
  }
}

function Said({ phone, card, shown }) {
  const [said, setSaid] = useState(null);
  const operator = phone.info && phone.info.operator;
  useEffect(() => {
    let left = false;
    judged(phone, card, shown).then((now) => { if (!left) setSaid(now); }, () => {});
    return () => { left = true; };
  }, [shown.badge, operator]);
  return said && html`<p class=${said.holds ? "badge" : "badge quiet"}>${said.holds && html`<span class="tag" aria-hidden="true">✓</span> `}${t(said.key, said)}</p>`;
}

// Of a contact: person.badge came in a message of theirs.
export const Theirs = ({ phone, person }) => html`<${Said} phone=${phone} card=${person.card} shown=${person.badge} />`;

// One's own, in the settings.
export function MyBadge({ phone }) {
  const [mine, setMine] = useState(null);
  const [sent, setSent] = useState(false);
  const [wrong, attempt, busy] = useAttempt();
  useEffect(() => { phone.store.value("badge").then(setMine); }, []);
  const issuer = phone.info && phone.info.login;
  if (!mine && !issuer) return null;
  const show = () => attempt(async () => {
    await phone.showBadge(mine);
    setSent(true);
  });
  return html`<h3>${t("my_badge")}</h3>
    ${mine && html`<${Said} phone=${phone} card=${cardOf(phone.me)} shown=${mine} />
      <p class="buttons"><button type="button" aria-disabled=${busy} onClick=${show}>${t("badge_show")}</button>
        <span class="said" role="status">${sent ? t("badge_shown") : ""}</span></p>`}
    <${Wrong} id="badge-wrong">${wrong}<//>
    ${issuer && html`<p>${t("badge_how", { issuer })}</p><${Login} phone=${phone} done=${setMine} />`}`;
}

function Login({ phone, done }) {
  const [code, setCode] = useState(null);
  const [wrong, attempt, busy] = useAttempt();
  const alive = useState({ yes: true })[0];
  useEffect(() => () => { alive.yes = false; }, []);
  const begin = () => attempt(async () => {
    const proof = proofOf(phone.me);
    const account = b64(cardOf(phone.me).account);
    const begun = await phone.gateway.ask("POST", "/api/login/start", { account, proof: b64(proof) });
    setCode(begun);
    let state = { state: "pending" };
    while (state.state === "pending" && alive.yes) {
      await new Promise((go) => { setTimeout(go, 1000 * Math.max(1, begun.interval_s)); });
      state = await phone.gateway.ask("GET", `/api/login/${begun.login}`);
    }
    setCode(null);
    if (state.state !== "certificate") throw new Refused("login", state.why);
    const mine = { badge: parseBadge(state.certificate), proof };
    await phone.store.keep("badge", mine);
    done(mine);
  });
  return html`${code ? html`<p>${t("login_open")}</p>
      <p class="big words" dir="ltr"><a href=${code.verification_uri_complete || code.verification_uri} target="_blank" rel="noopener noreferrer">${code.verification_uri}</a></p>
      <p class="big words" dir="ltr">${code.user_code}</p><p role="status">${t("login_waits")}</p>`
    : html`<p><button type="button" aria-disabled=${busy} onClick=${begin}>${t("login")}</button></p>`}
    <${Wrong} id="login-wrong">${wrong}<//>
    <p class="quiet">${t("account_id")} <span class="words" dir="ltr">${accountId(cardOf(phone.me))}</span></p>`;
}
