import{Refused as F,drawn as I,picture as L}from"./app.js";async function $(e){let{draw:a}=await import("./later-qr-draw.js");return a(e)}import{FileButton as K,Wrong as M,html as u,t as d,useEffect as k,useRef as x,useState as f,why as N}from"./app.js";function g({text:e,codeText:a=e,label:o,fieldLabel:r}){let[s,l]=f(null),[w,m]=f(""),i=x();k(()=>{$(a).then(l,()=>l(null))},[a]);let v=()=>{i.current.focus(),i.current.setSelectionRange(0,e.length);let c=!1;try{c=document.execCommand("copy")}catch{}m(d(c?"copied":"copy_refused"))};return u`
    <div class="code">${s&&u`
      <svg role="img" aria-label=${o} viewBox=${`-4 -4 ${s.size+8} ${s.size+8}`}
           shape-rendering="crispEdges" data-code=${a}>
        <path fill="#fff" d=${`M-4-4h${s.size+8}v${s.size+8}h-${s.size+8}z`} />
        <path fill="#000" d=${s.path} />
      </svg>`}
    </div>
    <label for="code-text">${r}</label>
    <textarea id="code-text" ref=${i} rows="6" dir="ltr" readonly spellcheck="false">${e}</textarea>
    <p><button type="button" class="primary" onClick=${v}>${d("copy")}</button>
      <span class="said" role="status">${w}</span></p>`}import{Bar as b,LANGUAGES as h,choose as C,html as n,kitText as _,spoken as S,t,useState as y}from"./app.js";function Q({phone:e}){let[a,o]=y(!1);return n`<section class="view" aria-labelledby="view-title"><${b} title=${t("settings")} />
    <div class="sheet">
      <${z} phone=${e} />
      <h3>${t("my_kit")}</h3><p>${t("my_kit_how")}</p>
      ${a?n`<${g} text=${_(e.me)} label=${t("kit_code")} fieldLabel=${t("kit_text")} />`:n`<p><button type="button" onClick=${()=>o(!0)}>${t("show_kit")}</button></p>`}
      <${B} phone=${e} />
    </div></section>`}function z({phone:e}){let a=async o=>{await C(o.target.value),e.changed()};return n`<label for="language">${t("language")}</label>
    <select id="language" onChange=${a}>${Object.keys(h).map(o=>n`
      <option value=${o} lang=${o} selected=${o===S()}>${h[o]}</option>`)}</select>`}function B({phone:e}){let[a,o]=y(!1),r=async()=>{await e.forget(),location.replace(location.pathname)};return n`<h3>${t("forget")}</h3><p>${t("forget_how")}</p>
    ${a?n`<p class="buttons"><button type="button" class="danger" onClick=${r}>${t("forget_sure")}</button>
        <button type="button" onClick=${()=>o(!1)}>${t("keep_it")}</button></p>`:n`<p><button type="button" onClick=${()=>o(!0)}>${t("forget")}</button></p>`}`}function W(){return n`<section class="view" aria-labelledby="view-title"><${b} title=${t("safety")} />
    <div class="sheet" role="region" tabindex="0" aria-labelledby="view-title">${["sealed","gateway","wifi","phone","words","ways"].map(e=>n`<p key=${e}>${t("safe_"+e)}</p>`)}</div>
  </section>`}export{z as Language,W as Safety,Q as Settings};
