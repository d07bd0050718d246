// What the gateway knows of the mesh: its relay, whom that hears and how well, other gateways, and
// what waits where.

import { Bar, html, t, useEffect, useState } from "../shared.js";

const LOOK_MS = 5000;
const WEAK_DBM = -95; // barely heard,
const STRONG_DBM = -35; // and beside us
const SIZE = 300; // of the graph
const NEAR = 60; // a neighbour that is heard well stands so near,
const FAR = 115; // one that is not so far

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
    <div class="sheet" role="region" tabindex="0" aria-labelledby="view-title">${mesh ? html`<${Told} mesh=${mesh} />`
      : html`<p role="status">${t(phone.link.why ? "out_of_reach" : "connecting")}</p>`}</div></section>`;
}

function Told({ mesh }) {
  const relay = mesh.tethered_relay || {};
  const neighbours = (relay.neighbours || []).filter((n) => n.fresh && n.rssi_dbm);
  const gateways = Object.entries(mesh.gateways || {});
  const on = mesh.relay === "connected";
  const queues = [["queue_out", mesh.posted_open], ["queue_in", mesh.letters_waiting],
    ["queue_gateway", mesh.parcels_kept], ["queue_relay", relay.parcels]].filter(([, n]) => typeof n === "number");
  return html`<p>${t("mesh_how")}</p>
    <p class=${on ? "relay on" : "relay"} role="status">${on ? t("relay_on", { n: mesh.neighbours || 0 }) : t("relay_off")}</p>
    ${on && html`<${Graph} relay=${relay} neighbours=${neighbours} />`}
    <h3>${t("neighbours")}</h3>
    ${neighbours.length ? html`<ul class="facts">${neighbours.map((n) => html`<li key=${n.node}>
        <span class="words" dir="ltr">${n.node}</span> <${Signal} dbm=${n.rssi_dbm} />
        ${n.lacks > 0 && html` <span class="quiet">${t("lacks", { n: n.lacks })}</span>`}</li>`)}</ul>`
      : html`<p class="quiet">${t(on && !relay.node ? "asking_relay" : "no_neighbours")}</p>`}
    <h3>${t("gateways")}</h3>
    ${gateways.length ? html`<ul class="facts">${gateways.map(([id, hops]) => html`<li key=${id}>
        <span class="words" dir="ltr">${id}</span> ${t("hops", { n: hops })}</li>`)}</ul>`
      : html`<p class="quiet">${t("no_gateways")}</p>`}
    <h3>${t("queues")}</h3>
    <dl class="facts">${queues.map(([name, n]) => html`<div key=${name}><dt>${t(name)}</dt><dd>${n.toLocaleString()}</dd></div>`)}
      ${Array.isArray(relay.battery) && html`<div><dt>${t("battery")}</dt><dd>${relay.battery[1]} %</dd></div>`}</dl>`;
}

// How well a neighbour is heard.
function Signal({ dbm }) {
  return html`<meter min=${WEAK_DBM} max=${STRONG_DBM} low="-85" high="-70" optimum="-40" value=${dbm}
    aria-label=${t("signal", { n: dbm })}></meter> <span class="quiet">${t("signal", { n: dbm })}</span>`;
}

// Our relay in the middle, those it hears around it: the better, the nearer. The list says the same.
function Graph({ relay, neighbours }) {
  const middle = SIZE / 2;
  const places = neighbours.map((n, i) => {
    const turn = (2 * Math.PI * i) / neighbours.length - Math.PI / 2;
    const weak = Math.min(1, Math.max(0, (STRONG_DBM - n.rssi_dbm) / (STRONG_DBM - WEAK_DBM)));
    const far = NEAR + weak * (FAR - NEAR);
    return { n, x: middle + far * Math.cos(turn), y: middle + far * Math.sin(turn) };
  });
  return html`<svg class="graph" viewBox=${`0 0 ${SIZE} ${SIZE}`} aria-hidden="true">
    ${places.map(({ n, x, y }) => html`<line key=${n.node} x1=${middle} y1=${middle} x2=${x} y2=${y} />`)}
    ${places.map(({ n, x, y }) => html`<g key=${n.node}><circle cx=${x} cy=${y} r="9" />
      <text x=${x} y=${y + 22}>${n.node.slice(-4)}</text></g>`)}
    <g class="home"><circle cx=${middle} cy=${middle} r="13" /><text x=${middle} y=${middle + 27}>${relay.name || (relay.node || "").slice(-4)}</text></g>
  </svg>`;
}
