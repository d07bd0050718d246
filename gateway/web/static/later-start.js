import{Refused as _,drawn as C,fetched as S,picture as z}from"./app.js";var E=[1e3,600,1600];async function h(t){let[{read:a},o]=await Promise.all([S("./later-qr-read.js"),z(t)]);for(let i of E){let n=C(o,i),r=a(n.getContext("2d").getImageData(0,0,n.width,n.height));if(r)return r}throw new _("no-code")}import{FileButton as I,Wrong as B,html as R,t as b,useEffect as G,useRef as J,useState as q,why as D}from"./app.js";function g({id:t,label:a,hint:o,value:i,setValue:n,wrong:r,setWrong:p}){let[c,s]=q(!1),d=async u=>{s(!0),p("");try{n(await h(u))}catch(x){p(D(x))}s(!1)};return R`
    <label for=${t}>${a}</label>
    <textarea id=${t} rows="5" dir="ltr" autocapitalize="off" autocomplete="off" spellcheck="false"
      placeholder=${o} value=${i} aria-describedby=${t+"-wrong"} aria-invalid=${!!r}
      onInput=${u=>n(u.target.value)}></textarea>
    <${B} id=${t+"-wrong"}>${r}<//>
    <p><${I} id=${t+"-photo"} label=${b("photo")} accept="image/*" take=${d} />
      <span class="said" role="status">${c?b("reading"):""}</span></p>`}import{Sun as y,Wrong as $,html as l,kitLink as w,parseKit as F,t as e,useAttempt as m,useState as v}from"./app.js";function Y({phone:t,route:a,noKeys:o}){return o?l`<${H} why=${o} />`:l`<main class="start">
    <div class="sheet">
      <${y} /><h1>Heliograph</h1>
      ${a.view==="kit"&&a.rest?l`<${j} phone=${t} rest=${a.rest} />`:l`<${k} phone=${t} />`}
    </div>
  </main>`}function H({why:t}){return l`<main class="start"><div class="sheet"><${y} />
    <h1>${t==="captive"?e("captive"):"Heliograph"}</h1>
    <p>${t==="captive"?e("captive_how"):e("nothing_kept")}</p>
    <p class="big" dir="ltr">${location.origin}</p></div></main>`}function k({phone:t}){let[a,o]=v(""),[i,n,r]=m(),p=s=>{s.preventDefault(),n(()=>t.begin(a))},c=()=>o(e("guest",{n:String(1e3+Math.floor(Math.random()*9e3))}));return l`
    <p class="big">${e("welcome")}</p><p>${e("welcome_how")}</p>
    <form onSubmit=${p} novalidate>
      <label for="my-name">${e("your_name")}</label>
      <input id="my-name" type="text" dir="auto" autocomplete="nickname" value=${a}
        aria-describedby="my-name-wrong" aria-invalid=${!!i}
        onInput=${s=>o(s.target.value)} />
      <${$} id="my-name-wrong">${i}<//>
      <p class="buttons"><button type="submit" class="primary" aria-disabled=${r}>${e("begin")}</button>
        <button type="button" onClick=${c}>${e("any_name")}</button></p>
      <p class="quiet">${e("begin_keys")}</p>
    </form>
    <details><summary>${e("have_kit")}</summary><${O} phone=${t} /></details>`}function O({phone:t}){let[a,o]=v(""),[i,n,,r]=m();return l`<form onSubmit=${c=>{c.preventDefault();let s=/#kit\/(.+)$/i.exec(a.trim()),{kit:d,cards:u}=w(s?s[1]:a.trim());n(()=>t.restore(d,u))}} novalidate><p class="quiet">${e("kit_how")}</p>
    <${g} id="kit" label=${e("kit_text")} hint="HELIOKIT:…" value=${a} setValue=${o}
      wrong=${i} setWrong=${r} />
    <p><button type="submit" class="primary">${e("restore")}</button></p></form>`}function j({phone:t,rest:a}){let[o,i,n]=m(),{kit:r,cards:p}=w(a),c;try{({name:c}=F(r))}catch(d){return l`<${$} id="kit-link">${e("no_"+d.code)}<//><${k} phone=${t} />`}let s=()=>i(async()=>{await t.restore(r,p),history.replaceState(null,"","#"),window.dispatchEvent(new HashChangeEvent("hashchange"))});return l`<p class="big">${e("use_kit",{name:c})}</p><p>${e("use_kit_why",{name:c})}</p>
    <p class="buttons"><button type="button" class="primary" aria-disabled=${n} onClick=${s}>${e("use_it")}</button></p>
    <${$} id="kit-link">${o}<//>`}export{Y as Start};
