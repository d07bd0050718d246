import{Bar as h,html as t,t as n,useEffect as g,useState as m}from"./app.js";var f=5e3,p=-95,u=-35,$=300,y=60,_=115;function v({phone:s}){let[r,l]=m(null);return g(()=>{let c=null,a=!1,o=async()=>{try{let e=await s.gateway.mesh();a||l(e)}catch{a||l(null)}a||(c=setTimeout(o,f))};return o(),()=>{a=!0,clearTimeout(c)}},[]),t`<section class="view" aria-labelledby="view-title"><${h} title=${n("mesh")} />
    <div class="sheet">${r?t`<${w} mesh=${r} />`:t`<p role="status">${n(s.link.why?"out_of_reach":"connecting")}</p>`}</div></section>`}function w({mesh:s}){let r=s.tethered_relay||{},l=(r.neighbours||[]).filter(e=>e.fresh&&e.rssi_dbm),c=Object.entries(s.gateways||{}),a=s.relay==="connected",o=[["queue_out",s.posted_open],["queue_in",s.letters_waiting],["queue_gateway",s.parcels_kept],["queue_relay",r.parcels]].filter(([,e])=>typeof e=="number");return t`<p>${n("mesh_how")}</p>
    <p class=${a?"relay on":"relay"} role="status">${a?n("relay_on",{n:s.neighbours||0}):n("relay_off")}</p>
    ${a&&t`<${x} relay=${r} neighbours=${l} />`}
    <h3>${n("neighbours")}</h3>
    ${l.length?t`<ul class="facts">${l.map(e=>t`<li key=${e.node}>
        <span class="words" dir="ltr">${e.node}</span> <${b} dbm=${e.rssi_dbm} />
        ${e.lacks>0&&t` <span class="quiet">${n("lacks",{n:e.lacks})}</span>`}</li>`)}</ul>`:t`<p class="quiet">${n(a&&!r.node?"asking_relay":"no_neighbours")}</p>`}
    <h3>${n("gateways")}</h3>
    ${c.length?t`<ul class="facts">${c.map(([e,i])=>t`<li key=${e}>
        <span class="words" dir="ltr">${e}</span> ${n("hops",{n:i})}</li>`)}</ul>`:t`<p class="quiet">${n("no_gateways")}</p>`}
    <h3>${n("queues")}</h3>
    <dl class="facts">${o.map(([e,i])=>t`<div key=${e}><dt>${n(e)}</dt><dd>${i.toLocaleString()}</dd></div>`)}
      ${Array.isArray(r.battery)&&t`<div><dt>${n("battery")}</dt><dd>${r.battery[1]} %</dd></div>`}</dl>`}function b({dbm:s}){return t`<meter min=${p} max=${u} low="-85" high="-70" optimum="-40" value=${s}
    aria-label=${n("signal",{n:s})}></meter> <span class="quiet">${n("signal",{n:s})}</span>`}function x({relay:s,neighbours:r}){let l=$/2,c=r.map((a,o)=>{let e=2*Math.PI*o/r.length-Math.PI/2,i=Math.min(1,Math.max(0,(u-a.rssi_dbm)/(u-p))),d=y+i*(_-y);return{n:a,x:l+d*Math.cos(e),y:l+d*Math.sin(e)}});return t`<svg class="graph" viewBox=${`0 0 ${$} ${$}`} aria-hidden="true">
    ${c.map(({n:a,x:o,y:e})=>t`<line key=${a.node} x1=${l} y1=${l} x2=${o} y2=${e} />`)}
    ${c.map(({n:a,x:o,y:e})=>t`<g key=${a.node}><circle cx=${o} cy=${e} r="9" />
      <text x=${o} y=${e+22}>${a.node.slice(-4)}</text></g>`)}
    <g class="home"><circle cx=${l} cy=${l} r="13" /><text x=${l} y=${l+27}>${s.name||(s.node||"").slice(-4)}</text></g>
  </svg>`}export{v as Mesh};
