// Add a contact, show one's own card, write to several.

import { Code, CodeField } from "./code/parts.js";
import { Bar, Composer, Later, cardLink, cardOf, cardText, cardsIn, html, origin, t, useAttempt, useState, words } from "../shared.js";

// card: from a link, "" if somebody is to be asked for one.
export function Add({ phone, card = "" }) {
  const [pasted, setPasted] = useState(card);
  const [name, setName] = useState("");
  const [wrong, attempt, busy, setWrong] = useAttempt();
  const add = (event) => {
    event.preventDefault();
    attempt(async () => {
      const person = await phone.add(pasted, name);
      location.hash = "#c/" + person.id;
    });
  };
  const theirs = nameIn(pasted);
  return html`<section class="view" aria-labelledby="view-title"><${Bar} title=${t("add")} />
    <div class="sheet"><form class="card-form" onSubmit=${add} novalidate>
      <p>${t("add_how")}</p>
      <${CodeField} id="card" label=${t("their_card")} hint=${t("card_hint")} value=${pasted}
        setValue=${(v) => { setPasted(v); setWrong(""); }} wrong=${wrong} setWrong=${setWrong} />
      ${theirs && html`<p class="big" role="status"><bdi>${t("add_this", { name: theirs })}</bdi></p>`}
      <label for="name">${t("name_as")}</label>
      <input id="name" type="text" dir="auto" autocomplete="off" value=${name} onInput=${(e) => setName(e.target.value)} />
      <p><button type="submit" class="primary" aria-disabled=${busy}>${t("add")}</button></p>
    </form>
    <p><a class="button" href="#nearby">${t("nearby")}</a></p>
    <${Later} name="directory" part="Find" phone=${phone} /></div></section>`;
}

function nameIn(pasted) {
  try { return cardsIn(pasted).map((card) => card.name).join(", "); } catch (notYet) { return ""; }
}

export function MyCard({ phone }) {
  const card = cardOf(phone.me);
  return html`<section class="view" aria-labelledby="view-title"><${Bar} title=${t("my_card")} />
    <div class="sheet"><p class="big" dir="auto">${card.name}</p>
      <p>${t("card_how")}</p>
      <${Code} text=${cardText(card)} codeText=${origin() ? cardLink(card, origin()) : cardText(card)} label=${t("card_code")} fieldLabel=${t("card_text")} />
      <p><span class="quiet">${t("my_words")}:</span> <span class="words" dir="ltr">${words(phone.id)}</span></p>
    </div></section>`;
}

export function Several({ phone }) {
  const [chosen, setChosen] = useState([]);
  const contacts = phone.chats().map((c) => c.person).filter((p) => p.standing === "contact");
  const toggle = (id) => setChosen(chosen.includes(id) ? chosen.filter((one) => one !== id) : chosen.concat(id));
  const sent = () => { location.hash = "#c/" + chosen[0]; };
  return html`<section class="view" aria-labelledby="view-title"><${Bar} title=${t("several")} />
    <fieldset class="sheet grow"><legend>${t("recipients")}</legend>
      ${contacts.length === 0 && html`<p class="quiet">${t("nobody")}</p>`}
      ${contacts.map((p) => html`<label key=${p.id} class="choice"><input type="checkbox" checked=${chosen.includes(p.id)}
        onChange=${() => toggle(p.id)} /><bdi>${p.name}</bdi></label>`)}
    </fieldset>
    <${Composer} phone=${phone} to=${chosen} draft="several" sent=${sent} /></section>`;
}
