import{Refused as B,drawn as H,fetched as K,picture as D}from"./app.js";var R=[1e3,600,1600];async function k(t){let[{read:a},o]=await Promise.all([K("./later-qr-read.js"),D(t)]);for(let c of R){let n=H(o,c),r=a(n.getContext("2d").getImageData(0,0,n.width,n.height));if(r)return r}throw new B("no-code")}import{FileButton as j,Wrong as q,html as F,t as v,useEffect as ot,useRef as nt,useState as M,why as P}from"./app.js";function x({id:t,label:a,hint:o,value:c,setValue:n,wrong:r,setWrong:d}){let[l,p]=M(!1),$=async i=>{p(!0),d("");try{n(await k(i))}catch(u){d(P(u))}p(!1)};return F`
    <label for=${t}>${a}</label>
    <textarea id=${t} rows="5" dir="ltr" autocapitalize="off" autocomplete="off" spellcheck="false"
      placeholder=${o} value=${c} aria-describedby=${t+"-wrong"} aria-invalid=${!!r}
      onInput=${i=>n(i.target.value)}></textarea>
    <${q} id=${t+"-wrong"}>${r}<//>
    <p><${j} id=${t+"-photo"} label=${v("photo")} accept="image/*" take=${$} />
      <span class="said" role="status">${l?v("reading"):""}</span></p>`}import{checkedBytes as W}from"./app.js";var J={scheme:"HELIOKIT:",what:"identity kit",none:"not-a-kit"},T=2;function g(t){try{return W(J,t)[0]===T}catch{return!1}}import{Later as _,Sun as C,Wrong as y,html as s,kitLink as S,load as A,parseKit as N,t as e,useAttempt as w,useState as m}from"./app.js";function ut({phone:t,route:a,noKeys:o}){return o?s`<${G} why=${o} />`:s`<main class="start">
    <div class="sheet">
      <${C} /><h1>Heliograph</h1>
      ${a.view==="kit"&&a.rest?s`<${Q} phone=${t} rest=${a.rest} />`:a.view==="answer"&&a.rest?s`<${_} name="devices" part="Join" phone=${t} answered=${a.rest} />`:s`<${I} phone=${t} />`}
    </div>
  </main>`}function G({why:t}){return s`<main class="start"><div class="sheet"><${C} />
    <h1>${t==="captive"?e("captive"):"Heliograph"}</h1>
    <p>${t==="captive"?e("captive_how"):e("nothing_kept")}</p>
    <p class="big" dir="ltr">${location.origin}</p></div></main>`}function I({phone:t}){let[a,o]=m(""),[c,n,r]=w(),[d,l]=m(!1),p=i=>{i.preventDefault(),n(()=>t.begin(a))},$=()=>o(e("guest",{n:String(1e3+Math.floor(Math.random()*9e3))}));return s`
    <p class="big">${e("welcome")}</p><p>${e("welcome_how")}</p>
    <form onSubmit=${p} novalidate>
      <label for="my-name">${e("your_name")}</label>
      <input id="my-name" type="text" dir="auto" autocomplete="nickname" value=${a}
        aria-describedby="my-name-wrong" aria-invalid=${!!c}
        onInput=${i=>o(i.target.value)} />
      <${y} id="my-name-wrong">${c}<//>
      <p class="buttons"><button type="submit" class="primary" aria-disabled=${r}>${e("begin")}</button>
        <button type="button" onClick=${$}>${e("any_name")}</button></p>
      <p class="quiet">${e("begin_keys")}</p>
    </form>
    <details><summary>${e("have_kit")}</summary><${E} phone=${t} /></details>
    <details onToggle=${i=>l(i.target.open)}><summary>${e("join_other")}</summary>
      ${d&&s`<${_} name="devices" part="Join" phone=${t} />`}</details>`}function E({phone:t,given:a=""}){let[o,c]=m(a),[n,r]=m(""),[d,l,p,$]=w(),i=/#kit\/(.+)$/i.exec(o.trim()),{kit:u,cards:z}=S(i?i[1]:o.trim()),h=g(u);return s`<form onSubmit=${f=>{f.preventDefault(),l(async()=>{let O=h?await(await A("kit")).unlockedKit(u,n):u;await t.restore(O,z),a&&L()})}} novalidate><p class="quiet">${e("kit_how")}</p>
    <${x} id="kit" label=${e("kit_text")} hint="HELIOKIT:…" value=${o} setValue=${c}
      wrong=${d} setWrong=${$} />
    ${h&&s`<label for="phrase">${e("passphrase")}</label>
      <input id="phrase" type="password" autocomplete="off" value=${n} aria-describedby="kit-wrong" onInput=${f=>r(f.target.value)} />`}
    <p><button type="submit" class="primary" aria-disabled=${p}>${e("restore")}</button>
      <span class="said" role="status">${h&&p?e("locking"):""}</span></p></form>`}function L(){history.replaceState(null,"","#"),window.dispatchEvent(new HashChangeEvent("hashchange"))}function Q({phone:t,rest:a}){let[o,c,n]=w(),{kit:r,cards:d}=S(a);if(g(r))return s`<${E} phone=${t} given=${a} />`;let l;try{({name:l}=N(r))}catch($){return s`<${y} id="kit-link">${e("no_"+$.code)}<//><${I} phone=${t} />`}let p=()=>c(async()=>{await t.restore(r,d),L()});return s`<p class="big">${e("use_kit",{name:l})}</p><p>${e("use_kit_why",{name:l})}</p>
    <p class="buttons"><button type="button" class="primary" aria-disabled=${n} onClick=${p}>${e("use_it")}</button></p>
    <${y} id="kit-link">${o}<//>`}export{ut as Start};
