import{Refused as R,drawn as F,picture as I}from"./app.js";async function p(e){let{draw:o}=await import("./later-qr-draw.js");return o(e)}import{FileButton as j,Wrong as K,html as $,t as u,useEffect as v,useRef as k,useState as d,why as M}from"./app.js";function f({text:e,codeText:o=e,label:a,fieldLabel:r}){let[s,l]=d(null),[y,m]=d(""),i=k();v(()=>{p(o).then(l,()=>l(null))},[o]);let w=()=>{i.current.focus(),i.current.setSelectionRange(0,e.length);let c=!1;try{c=document.execCommand("copy")}catch{}m(u(c?"copied":"copy_refused"))};return $`
    <div class="code">${s&&$`
      <svg role="img" aria-label=${a} viewBox=${`-4 -4 ${s.size+8} ${s.size+8}`}
           shape-rendering="crispEdges" data-code=${o}>
        <path fill="#fff" d=${`M-4-4h${s.size+8}v${s.size+8}h-${s.size+8}z`} />
        <path fill="#000" d=${s.path} />
      </svg>`}
    </div>
    <label for="code-text">${r}</label>
    <textarea id="code-text" ref=${i} rows="6" dir="ltr" readonly spellcheck="false">${e}</textarea>
    <p><button type="button" class="primary" onClick=${w}>${u("copy")}</button>
      <span class="said" role="status">${y}</span></p>`}import{Bar as h,LANGUAGES as g,choose as x,html as n,kitText as C,spoken as _,t,useState as b}from"./app.js";function U({phone:e}){let[o,a]=b(!1);return n`<section class="view" aria-labelledby="view-title"><${h} title=${t("settings")} />
    <div class="sheet">
      <${S} phone=${e} />
      <h3>${t("my_kit")}</h3><p>${t("my_kit_how")}</p>
      ${o?n`<${f} text=${C(e.me)} label=${t("kit_code")} fieldLabel=${t("kit_text")} />`:n`<p><button type="button" onClick=${()=>a(!0)}>${t("show_kit")}</button></p>`}
      <${z} phone=${e} />
    </div></section>`}function S({phone:e}){let o=async a=>{await x(a.target.value),e.changed()};return n`<label for="language">${t("language")}</label>
    <select id="language" onChange=${o}>${Object.keys(g).map(a=>n`
      <option value=${a} lang=${a} selected=${a===_()}>${g[a]}</option>`)}</select>`}function z({phone:e}){let[o,a]=b(!1),r=async()=>{await e.forget(),location.replace(location.pathname)};return n`<h3>${t("forget")}</h3><p>${t("forget_how")}</p>
    ${o?n`<p class="buttons"><button type="button" class="danger" onClick=${r}>${t("forget_sure")}</button>
        <button type="button" onClick=${()=>a(!1)}>${t("keep_it")}</button></p>`:n`<p><button type="button" onClick=${()=>a(!0)}>${t("forget")}</button></p>`}`}function q(){return n`<section class="view" aria-labelledby="view-title"><${h} title=${t("safety")} />
    <div class="sheet" role="region" tabindex="0" aria-labelledby="view-title">${["sealed","gateway","wifi","phone","words","ways"].map(e=>n`<p key=${e}>${t("safe_"+e)}</p>`)}</div>
  </section>`}export{S as Language,q as Safety,U as Settings};
