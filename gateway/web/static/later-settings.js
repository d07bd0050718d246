import{Refused as K,drawn as P,picture as j}from"./app.js";async function b(t){let{draw:o}=await import("./later-qr-draw.js");return o(t)}import{FileButton as q,Wrong as H,html as g,t as m,useEffect as v,useRef as x,useState as y,why as J}from"./app.js";function u({text:t,codeText:o=t,label:a,fieldLabel:i}){let[s,r]=y(null),[d,p]=y(""),l=x();v(()=>{b(o).then(r,()=>r(null))},[o]);let c=()=>{l.current.focus(),l.current.setSelectionRange(0,t.length);let f=!1;try{f=document.execCommand("copy")}catch{}p(m(f?"copied":"copy_refused"))};return g`
    <div class="code">${s&&g`
      <svg role="img" aria-label=${a} viewBox=${`-4 -4 ${s.size+8} ${s.size+8}`}
           shape-rendering="crispEdges" data-code=${o}>
        <path fill="#fff" d=${`M-4-4h${s.size+8}v${s.size+8}h-${s.size+8}z`} />
        <path fill="#000" d=${s.path} />
      </svg>`}
    </div>
    <label for="code-text">${i}</label>
    <textarea id="code-text" ref=${l} rows="6" dir="ltr" readonly spellcheck="false">${t}</textarea>
    <p><button type="button" class="primary" onClick=${c}>${m("copy")}</button>
      <span class="said" role="status">${d}</span></p>`}import{Bar as k,LANGUAGES as w,Later as _,Wrong as C,choose as S,html as n,kitText as z,load as L,spoken as B,t as e,useAttempt as E,useState as $}from"./app.js";function T({phone:t}){let[o,a]=$(!1);return n`<section class="view" aria-labelledby="view-title"><${k} title=${e("settings")} />
    <div class="sheet">
      <${I} phone=${t} />
      <h3>${e("my_kit")}</h3><p>${e("my_kit_how")}</p>
      ${o?n`<${u} text=${z(t.me)} label=${e("kit_code")} fieldLabel=${e("kit_text")} />`:n`<p><button type="button" onClick=${()=>a(!0)}>${e("show_kit")}</button></p><${F} phone=${t} />`}
      <h3>${e("my_devices")}</h3><p><a class="button" href="#device">${e("my_devices_show")}</a></p>
      <${_} name="directory" part="Findable" phone=${t} />
      <${O} phone=${t} />
    </div></section>`}function F({phone:t}){let[o,a]=$(""),[i,s]=$(""),[r,d,p]=E(),l=c=>{c.preventDefault(),d(async()=>s(await(await L("kit")).lockedKit(t.me,o)))};return i?n`<p>${e("kit_locked")}</p><${u} text=${i} label=${e("kit_code")} fieldLabel=${e("kit_text")} />`:n`<form onSubmit=${l} novalidate><p id="lock-how">${e("kit_lock_how")}</p>
    <label for="lock-phrase">${e("passphrase")}</label>
    <input id="lock-phrase" type="text" dir="auto" autocomplete="off" autocapitalize="off" spellcheck="false" value=${o}
      aria-describedby="lock-how lock-wrong" aria-invalid=${!!r} onInput=${c=>a(c.target.value)} />
    <${C} id="lock-wrong">${r}<//>
    <p><button type="submit" aria-disabled=${p}>${e("kit_lock")}</button>
      <span class="said" role="status">${p?e("locking"):""}</span></p></form>`}function I({phone:t}){let o=async a=>{await S(a.target.value),t.changed()};return n`<label for="language">${e("language")}</label>
    <select id="language" onChange=${o}>${Object.keys(w).map(a=>n`
      <option value=${a} lang=${a} selected=${a===B()}>${w[a]}</option>`)}</select>`}function O({phone:t}){let[o,a]=$(!1),i=async()=>{await t.forget(),location.replace(location.pathname)};return n`<h3>${e("forget")}</h3><p>${e("forget_how")}</p>
    ${o?n`<p class="buttons"><button type="button" class="danger" onClick=${i}>${e("forget_sure")}</button>
        <button type="button" onClick=${()=>a(!1)}>${e("keep_it")}</button></p>`:n`<p><button type="button" onClick=${()=>a(!0)}>${e("forget")}</button></p>`}`}function V(){return n`<section class="view" aria-labelledby="view-title"><${k} title=${e("safety")} />
    <div class="sheet" role="region" tabindex="0" aria-labelledby="view-title">${["sealed","gateway","wifi","phone","words","ways"].map(t=>n`<p key=${t}>${e("safe_"+t)}</p>`)}</div>
  </section>`}export{I as Language,V as Safety,T as Settings};
