import{Refused as R,drawn as I,picture as j}from"./app.js";async function $(e){let{draw:o}=await import("./later-qr-draw.js");return o(e)}import{FileButton as M,Wrong as N,html as d,t as u,useEffect as k,useRef as x,useState as f,why as U}from"./app.js";function h({text:e,codeText:o=e,label:a,fieldLabel:r}){let[s,l]=f(null),[m,w]=f(""),i=x();k(()=>{$(o).then(l,()=>l(null))},[o]);let v=()=>{i.current.focus(),i.current.setSelectionRange(0,e.length);let c=!1;try{c=document.execCommand("copy")}catch{}w(u(c?"copied":"copy_refused"))};return d`
    <div class="code">${s&&d`
      <svg role="img" aria-label=${a} viewBox=${`-4 -4 ${s.size+8} ${s.size+8}`}
           shape-rendering="crispEdges" data-code=${o}>
        <path fill="#fff" d=${`M-4-4h${s.size+8}v${s.size+8}h-${s.size+8}z`} />
        <path fill="#000" d=${s.path} />
      </svg>`}
    </div>
    <label for="code-text">${r}</label>
    <textarea id="code-text" ref=${i} rows="6" dir="ltr" readonly spellcheck="false">${e}</textarea>
    <p><button type="button" class="primary" onClick=${v}>${u("copy")}</button>
      <span class="said" role="status">${m}</span></p>`}import{Bar as b,LANGUAGES as g,Later as C,choose as _,html as n,kitText as S,spoken as z,t,useState as y}from"./app.js";function W({phone:e}){let[o,a]=y(!1);return n`<section class="view" aria-labelledby="view-title"><${b} title=${t("settings")} />
    <div class="sheet">
      <${B} phone=${e} />
      <h3>${t("my_kit")}</h3><p>${t("my_kit_how")}</p>
      ${o?n`<${h} text=${S(e.me)} label=${t("kit_code")} fieldLabel=${t("kit_text")} />`:n`<p><button type="button" onClick=${()=>a(!0)}>${t("show_kit")}</button></p>`}
      <h3>${t("my_devices")}</h3><p><a class="button" href="#device">${t("my_devices_show")}</a></p>
      <${C} name="directory" part="Findable" phone=${e} />
      <${E} phone=${e} />
    </div></section>`}function B({phone:e}){let o=async a=>{await _(a.target.value),e.changed()};return n`<label for="language">${t("language")}</label>
    <select id="language" onChange=${o}>${Object.keys(g).map(a=>n`
      <option value=${a} lang=${a} selected=${a===z()}>${g[a]}</option>`)}</select>`}function E({phone:e}){let[o,a]=y(!1),r=async()=>{await e.forget(),location.replace(location.pathname)};return n`<h3>${t("forget")}</h3><p>${t("forget_how")}</p>
    ${o?n`<p class="buttons"><button type="button" class="danger" onClick=${r}>${t("forget_sure")}</button>
        <button type="button" onClick=${()=>a(!1)}>${t("keep_it")}</button></p>`:n`<p><button type="button" onClick=${()=>a(!0)}>${t("forget")}</button></p>`}`}function X(){return n`<section class="view" aria-labelledby="view-title"><${b} title=${t("safety")} />
    <div class="sheet" role="region" tabindex="0" aria-labelledby="view-title">${["sealed","gateway","wifi","phone","words","ways"].map(e=>n`<p key=${e}>${t("safe_"+e)}</p>`)}</div>
  </section>`}export{B as Language,X as Safety,W as Settings};
