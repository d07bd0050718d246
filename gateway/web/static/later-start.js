import{Refused as C,drawn as S,picture as z}from"./app.js";var E=[1e3,600,1600];async function g(t){let[{read:e},n]=await Promise.all([import("./later-qr-read.js"),z(t)]);for(let c of E){let o=S(n,c),r=e(o.getContext("2d").getImageData(0,0,o.width,o.height));if(r)return r}throw new C("no-code")}import{FileButton as I,Wrong as B,html as O,t as b,useEffect as N,useRef as G,useState as R,why as D}from"./app.js";function y({id:t,label:e,hint:n,value:c,setValue:o,wrong:r,setWrong:$}){let[l,p]=R(!1),d=async s=>{p(!0),$("");try{o(await g(s))}catch(_){$(D(_))}p(!1)};return O`
    <label for=${t}>${e}</label>
    <textarea id=${t} rows="5" dir="ltr" autocapitalize="off" autocomplete="off" spellcheck="false"
      placeholder=${n} value=${c} aria-describedby=${t+"-wrong"} aria-invalid=${!!r}
      onInput=${s=>o(s.target.value)}></textarea>
    <${B} id=${t+"-wrong"}>${r}<//>
    <p><${I} id=${t+"-photo"} label=${b("photo")} accept="image/*" take=${d} />
      <span class="said" role="status">${l?b("reading"):""}</span></p>`}import{Later as w,Sun as v,Wrong as u,html as i,kitLink as k,parseKit as F,t as a,useAttempt as h,useState as m}from"./app.js";function X({phone:t,route:e,noKeys:n}){return n?i`<${H} why=${n} />`:i`<main class="start">
    <div class="sheet">
      <${v} /><h1>Heliograph</h1>
      ${e.view==="kit"&&e.rest?i`<${M} phone=${t} rest=${e.rest} />`:e.view==="answer"&&e.rest?i`<${w} name="devices" part="Join" phone=${t} answered=${e.rest} />`:i`<${x} phone=${t} />`}
    </div>
  </main>`}function H({why:t}){return i`<main class="start"><div class="sheet"><${v} />
    <h1>${t==="captive"?a("captive"):"Heliograph"}</h1>
    <p>${t==="captive"?a("captive_how"):a("nothing_kept")}</p>
    <p class="big" dir="ltr">${location.origin}</p></div></main>`}function x({phone:t}){let[e,n]=m(""),[c,o,r]=h(),[$,l]=m(!1),p=s=>{s.preventDefault(),o(()=>t.begin(e))},d=()=>n(a("guest",{n:String(1e3+Math.floor(Math.random()*9e3))}));return i`
    <p class="big">${a("welcome")}</p><p>${a("welcome_how")}</p>
    <form onSubmit=${p} novalidate>
      <label for="my-name">${a("your_name")}</label>
      <input id="my-name" type="text" dir="auto" autocomplete="nickname" value=${e}
        aria-describedby="my-name-wrong" aria-invalid=${!!c}
        onInput=${s=>n(s.target.value)} />
      <${u} id="my-name-wrong">${c}<//>
      <p class="buttons"><button type="submit" class="primary" aria-disabled=${r}>${a("begin")}</button>
        <button type="button" onClick=${d}>${a("any_name")}</button></p>
      <p class="quiet">${a("begin_keys")}</p>
    </form>
    <details><summary>${a("have_kit")}</summary><${L} phone=${t} /></details>
    <details onToggle=${s=>l(s.target.open)}><summary>${a("join_other")}</summary>
      ${$&&i`<${w} name="devices" part="Join" phone=${t} />`}</details>`}function L({phone:t}){let[e,n]=m(""),[c,o,,r]=h();return i`<form onSubmit=${l=>{l.preventDefault();let p=/#kit\/(.+)$/i.exec(e.trim()),{kit:d,cards:s}=k(p?p[1]:e.trim());o(()=>t.restore(d,s))}} novalidate><p class="quiet">${a("kit_how")}</p>
    <${y} id="kit" label=${a("kit_text")} hint="HELIOKIT:…" value=${e} setValue=${n}
      wrong=${c} setWrong=${r} />
    <p><button type="submit" class="primary">${a("restore")}</button></p></form>`}function M({phone:t,rest:e}){let[n,c,o]=h(),{kit:r,cards:$}=k(e),l;try{({name:l}=F(r))}catch(d){return i`<${u} id="kit-link">${a("no_"+d.code)}<//><${x} phone=${t} />`}let p=()=>c(async()=>{await t.restore(r,$),history.replaceState(null,"","#"),window.dispatchEvent(new HashChangeEvent("hashchange"))});return i`<p class="big">${a("use_kit",{name:l})}</p><p>${a("use_kit_why",{name:l})}</p>
    <p class="buttons"><button type="button" class="primary" aria-disabled=${o} onClick=${p}>${a("use_it")}</button></p>
    <${u} id="kit-link">${n}<//>`}export{X as Start};
