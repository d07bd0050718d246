// What the gateway knows of the mesh: its relay, who is heard and how well, other gateways, queues.

import { Bar, html, t, useEffect, useState } from "../shared.js";

const LOOK_MS = 5000;

export function Mesh({ phone }) {
  const [mesh, setMesh] = useState(null);
  useEffect(() => {
    let timer = null;
    let left = false;
    const look = async () => {
      try {
        const told = await phone.gateway.mesh();
        if (!left) setMesh(told);
      } catch (away) {
        if (!left) setMesh(null);
      }
      if (!left) timer = setTimeout(look, LOOK_MS);
    };
    look();
    return () => {
      left = true;
      clearTimeout(timer);
    };
  }, []);
  return html`<section class="view" aria-labelledby="view-title"><${Bar} title=${t("mesh")} />
    <div class="sheet">${mesh ? html`<${Told} mesh=${mesh} />`
      : html`<p role="status">${t(phone.link.why ? "out_of_reach" : "connecting")}</p>`}</div></section>`;
}

function Told({ mesh }) {
  const neighbours = mesh.neighbours || [];
  const gateways = Object.entries(mesh.gateways || {});
  const queues = Object.entries(mesh.queues || {});
  return html`<p>${t("mesh_how")}</p>
    <p class=${mesh.relay === "connected" ? "relay on" : "relay"} role="status">${mesh.relay === "connected"
      ? t("relay_on", { n: neighbours.length }) : t("relay_off")}</p>
    <h3>${t("neighbours")}</h3>
    ${neighbours.length ? html`<ul class="facts">${neighbours.map((n) => html`<li key=${n.node}>
        <span class="words" dir="ltr">${n.node}</span> <${Signal} dbm=${n.rssi_dbm} /></li>`)}</ul>`
      : html`<p class="quiet">${t("no_neighbours")}</p>`}
    <h3>${t("gateways")}</h3>
    ${gateways.length ? html`<ul class="facts">${gateways.map(([id, hops]) => html`<li key=${id}>
        <span class="words" dir="ltr">${id}</span> ${t("hops", { n: hops })}</li>`)}</ul>`
      : html`<p class="quiet">${t("no_gateways")}</p>`}
    ${queues.length > 0 && html`<h3>${t("queues")}</h3><dl class="facts">${queues.map(([name, n]) => html`
      <div key=${name}><dt>${name}</dt><dd>${n}</dd></div>`)}</dl>`}`;
}

// How well a neighbour is heard: -90 dBm is barely, -40 is beside us.
function Signal({ dbm }) {
  if (typeof dbm !== "number") return null;
  return html`<meter min="-95" max="-35" low="-85" high="-70" optimum="-40" value=${dbm}
    aria-label=${t("signal", { n: dbm })}></meter> <span class="quiet">${t("signal", { n: dbm })}</span>`;
}
