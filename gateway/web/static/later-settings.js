import{Refused as R,drawn as F,picture as I}from"./app.js";async function p(e){let{draw:a}=await import("./later-qr-draw.js");return a(e)}import{FileButton as j,Wrong as K,html as $,t as u,useEffect as v,useRef as k,useState as d,why as M}from"./app.js";function f({text:e,codeText:a=e,label:o,fieldLabel:r}){let[s,l]=d(null),[m,y]=d(""),i=k();v(()=>{p(a).then(l,()=>l(null))},[a]);let w=()=>{i.current.focus(),i.current.setSelectionRange(0,e.length);let c=!1;try{c=document.execCommand("copy")}catch{}y(u(c?"copied":"copy_refused"))};return $`
    <div class="code">${s&&$`
      <svg role="img" aria-label=${o} viewBox=${`-4 -4 ${s.size+8} ${s.size+8}`}
           shape-rendering="crispEdges" data-code=${a}>
        <path fill="#fff" d=${`M-4-4h${s.size+8}v${s.size+8}h-${s.size+8}z`} />
        <path fill="#000" d=${s.path} />
      </svg>`}
    </div>
    <label for="code-text">${r}</label>
    <textarea id="code-text" ref=${i} rows="6" dir="ltr" readonly spellcheck="false">${e}</textarea>
    <p><button type="button" class="primary" onClick=${w}>${u("copy")}</button>
      <span class="said" role="status">${m}</span></p>`}import{Bar as h,LANGUAGES as g,choose as x,html as n,kitText as C,spoken as _,t,useState as b}from"./app.js";function U({phone:e}){let[a,o]=b(!1);return n`<section class="view" aria-labelledby="view-title"><${h} title=${t("settings")} />
    <div class="sheet">
      <${S} phone=${e} />
      <h3>${t("my_kit")}</h3><p>${t("my_kit_how")}</p>
      ${a?n`<${f} text=${C(e.me)} label=${t("kit_code")} fieldLabel=${t("kit_text")} />`:n`<p><button type="button" onClick=${()=>o(!0)}>${t("show_kit")}</button></p>`}
      <${z} phone=${e} />
    </div></section>`}function S({phone:e}){let a=async o=>{await x(o.target.value),e.changed()};return n`<label for="language">${t("language")}</label>
    <select id="language" onChange=${a}>${Object.keys(g).map(o=>n`
      <option value=${o} lang=${o} selected=${o===_()}>${g[o]}</option>`)}</select>`}function z({phone:e}){let[a,o]=b(!1),r=async()=>{await e.forget(),location.replace(location.pathname)};return n`<h3>${t("forget")}</h3><p>${t("forget_how")}</p>
    ${a?n`<p class="buttons"><button type="button" class="danger" onClick=${r}>${t("forget_sure")}</button>
        <button type="button" onClick=${()=>o(!1)}>${t("keep_it")}</button></p>`:n`<p><button type="button" onClick=${()=>o(!0)}>${t("forget")}</button></p>`}`}function q(){return n`<section class="view" aria-labelledby="view-title"><${h} title=${t("safety")} />
    <div class="sheet">${["sealed","gateway","wifi","phone","words","ways"].map(e=>n`<p key=${e}>${t("safe_"+e)}</p>`)}</div>
  </section>`}export{S as Language,q as Safety,U as Settings};
