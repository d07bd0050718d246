import{Bar as c,html as s,t as l,useEffect as u,useState as $}from"./app.js";var h=5e3;function f({phone:t}){let[a,i]=$(null);return u(()=>{let o=null,e=!1,n=async()=>{try{let r=await t.gateway.mesh();e||i(r)}catch{e||i(null)}e||(o=setTimeout(n,h))};return n(),()=>{e=!0,clearTimeout(o)}},[]),s`<section class="view" aria-labelledby="view-title"><${c} title=${l("mesh")} />
    <div class="sheet">${a?s`<${p} mesh=${a} />`:s`<p role="status">${l(t.link.why?"out_of_reach":"connecting")}</p>`}</div></section>`}function p({mesh:t}){let a=t.neighbours||[],i=Object.entries(t.gateways||{}),o=Object.entries(t.queues||{});return s`<p>${l("mesh_how")}</p>
    <p class=${t.relay==="connected"?"relay on":"relay"} role="status">${t.relay==="connected"?l("relay_on",{n:a.length}):l("relay_off")}</p>
    <h3>${l("neighbours")}</h3>
    ${a.length?s`<ul class="facts">${a.map(e=>s`<li key=${e.node}>
        <span class="words" dir="ltr">${e.node}</span> <${d} dbm=${e.rssi_dbm} /></li>`)}</ul>`:s`<p class="quiet">${l("no_neighbours")}</p>`}
    <h3>${l("gateways")}</h3>
    ${i.length?s`<ul class="facts">${i.map(([e,n])=>s`<li key=${e}>
        <span class="words" dir="ltr">${e}</span> ${l("hops",{n})}</li>`)}</ul>`:s`<p class="quiet">${l("no_gateways")}</p>`}
    ${o.length>0&&s`<h3>${l("queues")}</h3><dl class="facts">${o.map(([e,n])=>s`
      <div key=${e}><dt>${e}</dt><dd>${n}</dd></div>`)}</dl>`}`}function d({dbm:t}){return typeof t!="number"?null:s`<meter min="-95" max="-35" low="-85" high="-70" optimum="-40" value=${t}
    aria-label=${l("signal",{n:t})}></meter> <span class="quiet">${l("signal",{n:t})}</span>`}export{f as Mesh};
