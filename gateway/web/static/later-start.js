import{Refused as _,drawn as C,picture as S}from"./app.js";var z=[1e3,600,1600];async function h(t){let[{read:a},o]=await Promise.all([import("./later-qr-read.js"),S(t)]);for(let s of z){let n=C(o,s),r=a(n.getContext("2d").getImageData(0,0,n.width,n.height));if(r)return r}throw new _("no-code")}import{FileButton as E,Wrong as I,html as B,t as b,useEffect as N,useRef as G,useState as R,why as D}from"./app.js";function g({id:t,label:a,hint:o,value:s,setValue:n,wrong:r,setWrong:p}){let[c,i]=R(!1),u=async $=>{i(!0),p("");try{n(await h($))}catch(x){p(D(x))}i(!1)};return B`
    <label for=${t}>${a}</label>
    <textarea id=${t} rows="5" dir="ltr" autocapitalize="off" autocomplete="off" spellcheck="false"
      placeholder=${o} value=${s} aria-describedby=${t+"-wrong"} aria-invalid=${!!r}
      onInput=${$=>n($.target.value)}></textarea>
    <${I} id=${t+"-wrong"}>${r}<//>
    <p><${E} id=${t+"-photo"} label=${b("photo")} accept="image/*" take=${u} />
      <span class="said" role="status">${c?b("reading"):""}</span></p>`}import{Sun as y,Wrong as d,html as l,kitLink as w,parseKit as F,t as e,useAttempt as m,useState as v}from"./app.js";function X({phone:t,route:a,noKeys:o}){return o?l`<${H} why=${o} />`:l`<main class="start">
    <div class="sheet">
      <${y} /><h1>Heliograph</h1>
      ${a.view==="kit"&&a.rest?l`<${L} phone=${t} rest=${a.rest} />`:l`<${k} phone=${t} />`}
    </div>
  </main>`}function H({why:t}){return l`<main class="start"><div class="sheet"><${y} />
    <h1>${t==="captive"?e("captive"):"Heliograph"}</h1>
    <p>${t==="captive"?e("captive_how"):e("nothing_kept")}</p>
    <p class="big" dir="ltr">${location.origin}</p></div></main>`}function k({phone:t}){let[a,o]=v(""),[s,n,r]=m(),p=i=>{i.preventDefault(),n(()=>t.begin(a))},c=()=>o(e("guest",{n:String(1e3+Math.floor(Math.random()*9e3))}));return l`
    <p class="big">${e("welcome")}</p><p>${e("welcome_how")}</p>
    <form onSubmit=${p} novalidate>
      <label for="my-name">${e("your_name")}</label>
      <input id="my-name" type="text" dir="auto" autocomplete="nickname" value=${a}
        aria-describedby="my-name-wrong" aria-invalid=${!!s}
        onInput=${i=>o(i.target.value)} />
      <${d} id="my-name-wrong">${s}<//>
      <p class="buttons"><button type="submit" class="primary" aria-disabled=${r}>${e("begin")}</button>
        <button type="button" onClick=${c}>${e("any_name")}</button></p>
      <p class="quiet">${e("begin_keys")}</p>
    </form>
    <details><summary>${e("have_kit")}</summary><${O} phone=${t} /></details>`}function O({phone:t}){let[a,o]=v(""),[s,n,,r]=m();return l`<form onSubmit=${c=>{c.preventDefault();let i=/#kit\/(.+)$/i.exec(a.trim()),{kit:u,cards:$}=w(i?i[1]:a.trim());n(()=>t.restore(u,$))}} novalidate><p class="quiet">${e("kit_how")}</p>
    <${g} id="kit" label=${e("kit_text")} hint="HELIOKIT:…" value=${a} setValue=${o}
      wrong=${s} setWrong=${r} />
    <p><button type="submit" class="primary">${e("restore")}</button></p></form>`}function L({phone:t,rest:a}){let[o,s,n]=m(),{kit:r,cards:p}=w(a),c;try{({name:c}=F(r))}catch(u){return l`<${d} id="kit-link">${e("no_"+u.code)}<//><${k} phone=${t} />`}let i=()=>s(async()=>{await t.restore(r,p),history.replaceState(null,"","#"),window.dispatchEvent(new HashChangeEvent("hashchange"))});return l`<p class="big">${e("use_kit",{name:c})}</p><p>${e("use_kit_why",{name:c})}</p>
    <p class="buttons"><button type="button" class="primary" aria-disabled=${n} onClick=${i}>${e("use_it")}</button></p>
    <${d} id="kit-link">${o}<//>`}export{X as Start};
