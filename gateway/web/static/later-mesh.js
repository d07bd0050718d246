import{Bar as h,html as t,t as l,useEffect as g,useState as m}from"./app.js";var f=5e3,y=-95,u=-35,$=300,p=60,_=115;function q({phone:s}){let[r,n]=m(null);return g(()=>{let i=null,a=!1,o=async()=>{try{let e=await s.gateway.mesh();a||n(e)}catch{a||n(null)}a||(i=setTimeout(o,f))};return o(),()=>{a=!0,clearTimeout(i)}},[]),t`<section class="view" aria-labelledby="view-title"><${h} title=${l("mesh")} />
    <div class="sheet" role="region" tabindex="0" aria-labelledby="view-title">${r?t`<${w} mesh=${r} />`:t`<p role="status">${l(s.link.why?"out_of_reach":"connecting")}</p>`}</div></section>`}function w({mesh:s}){let r=s.tethered_relay||{},n=(r.neighbours||[]).filter(e=>e.fresh&&e.rssi_dbm),i=Object.entries(s.gateways||{}),a=s.relay==="connected",o=[["queue_out",s.posted_open],["queue_in",s.letters_waiting],["queue_gateway",s.parcels_kept],["queue_relay",r.parcels]].filter(([,e])=>typeof e=="number");return t`<p>${l("mesh_how")}</p>
    <p class=${a?"relay on":"relay"} role="status">${a?l("relay_on",{n:s.neighbours||0}):l("relay_off")}</p>
    ${a&&t`<${x} relay=${r} neighbours=${n} />`}
    <h3>${l("neighbours")}</h3>
    ${n.length?t`<ul class="facts">${n.map(e=>t`<li key=${e.node}>
        <span class="words" dir="ltr">${e.node}</span> <${b} dbm=${e.rssi_dbm} />
        ${e.lacks>0&&t` <span class="quiet">${l("lacks",{n:e.lacks})}</span>`}</li>`)}</ul>`:t`<p class="quiet">${l(a&&!r.node?"asking_relay":"no_neighbours")}</p>`}
    <h3>${l("gateways")}</h3>
    ${i.length?t`<ul class="facts">${i.map(([e,c])=>t`<li key=${e}>
        <span class="words" dir="ltr">${e}</span> ${l("hops",{n:c})}</li>`)}</ul>`:t`<p class="quiet">${l("no_gateways")}</p>`}
    <h3>${l("queues")}</h3>
    <dl class="facts">${o.map(([e,c])=>t`<div key=${e}><dt>${l(e)}</dt><dd>${c.toLocaleString()}</dd></div>`)}
      ${Array.isArray(r.battery)&&t`<div><dt>${l("battery")}</dt><dd>${r.battery[1]} %</dd></div>`}</dl>`}function b({dbm:s}){return t`<meter min=${y} max=${u} low="-85" high="-70" optimum="-40" value=${s}
    aria-label=${l("signal",{n:s})}></meter> <span class="quiet">${l("signal",{n:s})}</span>`}function x({relay:s,neighbours:r}){let n=$/2,i=r.map((a,o)=>{let e=2*Math.PI*o/r.length-Math.PI/2,c=Math.min(1,Math.max(0,(u-a.rssi_dbm)/(u-y))),d=p+c*(_-p);return{n:a,x:n+d*Math.cos(e),y:n+d*Math.sin(e)}});return t`<svg class="graph" viewBox=${`0 0 ${$} ${$}`} aria-hidden="true">
    ${i.map(({n:a,x:o,y:e})=>t`<line key=${a.node} x1=${n} y1=${n} x2=${o} y2=${e} />`)}
    ${i.map(({n:a,x:o,y:e})=>t`<g key=${a.node}><circle cx=${o} cy=${e} r="9" />
      <text x=${o} y=${e+22}>${a.node.slice(-4)}</text></g>`)}
    <g class="home"><circle cx=${n} cy=${n} r="13" /><text x=${n} y=${n+27}>${s.name||(s.node||"").slice(-4)}</text></g>
  </svg>`}export{q as Mesh};
