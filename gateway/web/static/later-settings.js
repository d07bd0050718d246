import{Refused as A,drawn as D,fetched as x,picture as I}from"./app.js";async function d(e){let{draw:n}=await x("./later-qr-draw.js");return n(e)}import{FileButton as N,Wrong as U,html as u,t as f,useEffect as C,useRef as S,useState as g,why as H}from"./app.js";function b({text:e,codeText:n=e,label:a,fieldLabel:s}){let[r,c]=g(null),[m,v]=g(""),i=S();C(()=>{d(n).then(c,()=>c(null))},[n]);let k=()=>{i.current.focus(),i.current.setSelectionRange(0,e.length);let p=!1;try{p=document.execCommand("copy")}catch{}v(f(p?"copied":"copy_refused"))};return u`
    <div class="code">${r&&u`
      <svg role="img" aria-label=${a} viewBox=${`-4 -4 ${r.size+8} ${r.size+8}`}
           shape-rendering="crispEdges" data-code=${n}>
        <path fill="#fff" d=${`M-4-4h${r.size+8}v${r.size+8}h-${r.size+8}z`} />
        <path fill="#000" d=${r.path} />
      </svg>`}
    </div>
    <label for="code-text">${s}</label>
    <textarea id="code-text" ref=${i} rows="6" dir="ltr" readonly spellcheck="false">${e}</textarea>
    <p><button type="button" class="primary" onClick=${k}>${f("copy")}</button>
      <span class="said" role="status">${m}</span></p>`}import{Bar as y,LANGUAGES as h,Later as l,SAVED as _,choose as z,html as o,kitText as B,spoken as E,t,useState as w}from"./app.js";function X({phone:e}){let[n,a]=w(!1);return o`<section class="view" aria-labelledby="view-title"><${y} title=${t("settings")} />
    <div class="sheet">
      <${j} phone=${e} />
      <h3>${t("my_kit")}</h3><p>${t("my_kit_how")}</p>
      ${n?o`<${b} text=${B(e.me)} label=${t("kit_code")} fieldLabel=${t("kit_text")} />`:o`<p><button type="button" onClick=${()=>a(!0)}>${t("show_kit")}</button></p>`}
      <${l} name="directory" part="Findable" phone=${e} />
      <${l} name="badges" part="MyBadge" bare phone=${e} />
      <${F} phone=${e} />
    </div></section>`}function j({phone:e}){let n=async a=>{await z(a.target.value),e.changed()};return o`<label for="language">${t("language")}</label>
    <select id="language" onChange=${n}>${Object.keys(h).map(a=>o`
      <option value=${a} lang=${a} selected=${a===E()}>${h[a]}</option>`)}</select>`}function F({phone:e}){let[n,a]=w(!1),s=async()=>{await e.forget(),location.replace(location.pathname)};return o`<h3>${t("forget")}</h3><p>${t("forget_how")}</p>
    ${n?o`<p class="buttons"><button type="button" class="danger" onClick=${s}>${t("forget_sure")}</button>
        <button type="button" onClick=${()=>a(!1)}>${t("keep_it")}</button></p>`:o`<p><button type="button" onClick=${()=>a(!0)}>${t("forget")}</button></p>`}`}function Y(){return o`<section class="view" aria-labelledby="view-title"><${y} title=${t("safety")} />
    <div class="sheet" role="region" tabindex="0" aria-labelledby="view-title">${["sealed","gateway","wifi","phone","words","ways"].map(e=>o`<p key=${e}>${t("safe_"+e)}</p>`)}
      ${_?o`<p>${t("safe_saved")}</p>`:o`<${l} name="saving" part="Save" />`}</div>
  </section>`}export{j as Language,Y as Safety,X as Settings};
