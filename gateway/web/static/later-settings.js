import{Refused as U,drawn as q,picture as G}from"./app.js";async function m(e){let{draw:o}=await import("./later-qr-draw.js");return o(e)}import{FileButton as X,Wrong as Y,html as g,t as k,useEffect as S,useRef as M,useState as w,why as Z}from"./app.js";function $({text:e,codeText:o=e,label:a,fieldLabel:r}){let[s,i]=w(null),[f,u]=w(""),l=M();S(()=>{m(o).then(i,()=>i(null))},[o]);let c=()=>{l.current.focus(),l.current.setSelectionRange(0,e.length);let h=!1;try{h=document.execCommand("copy")}catch{}u(k(h?"copied":"copy_refused"))};return g`
    <div class="code">${s&&g`
      <svg role="img" aria-label=${a} viewBox=${`-4 -4 ${s.size+8} ${s.size+8}`}
           shape-rendering="crispEdges" data-code=${o}>
        <path fill="#fff" d=${`M-4-4h${s.size+8}v${s.size+8}h-${s.size+8}z`} />
        <path fill="#000" d=${s.path} />
      </svg>`}
    </div>
    <label for="code-text">${r}</label>
    <textarea id="code-text" ref=${l} rows="6" dir="ltr" readonly spellcheck="false">${e}</textarea>
    <p><button type="button" class="primary" onClick=${c}>${k("copy")}</button>
      <span class="said" role="status">${f}</span></p>`}import{concat as ce,hex as de,unhex as pe}from"./app.js";var b="readMarks";function y(e,o){return e.write(["kv","messages"],async a=>{let r=o?(await a.all("messages")).reduce((s,i)=>Math.max(s,i.order),0):!1;await a.keep(b,r)})}var x=async e=>![void 0,!1].includes(await e.value(b));import{Bar as C,LANGUAGES as v,Later as _,Wrong as O,choose as z,html as n,kitText as B,load as L,spoken as E,t,useAttempt as R,useEffect as j,useState as p}from"./app.js";function we({phone:e}){let[o,a]=p(!1);return n`<section class="view" aria-labelledby="view-title"><${C} title=${t("settings")} />
    <div class="sheet">
      <${K} phone=${e} />
      <h3>${t("my_kit")}</h3><p>${t("my_kit_how")}</p>
      ${o?n`<${$} text=${B(e.me)} label=${t("kit_code")} fieldLabel=${t("kit_text")} />`:n`<p><button type="button" onClick=${()=>a(!0)}>${t("show_kit")}</button></p><${A} phone=${e} />`}
      <h3>${t("my_devices")}</h3><p><a class="button" href="#device">${t("my_devices_show")}</a></p>
      <${_} name="directory" part="Findable" phone=${e} />
      <${I} phone=${e} />
      <${_} name="kit" part="Lock" phone=${e} />
      <${D} phone=${e} />
    </div></section>`}function I({phone:e}){let[o,a]=p(null);j(()=>{x(e.store).then(a)},[]);let r=async s=>{a(s.target.checked),await y(e.store,s.target.checked)};return n`<h3>${t("read_marks_title")}</h3><p id="marks-how">${t("read_marks_how")}</p>
    <label class="choice"><input id="read-marks" type="checkbox" checked=${!!o} disabled=${o===null}
      aria-describedby="marks-how" onChange=${r} />${t("read_marks")}</label>`}function A({phone:e}){let[o,a]=p(""),[r,s]=p(""),[i,f,u]=R(),l=c=>{c.preventDefault(),f(async()=>s(await(await L("kit")).lockedKit(e.me,o)))};return r?n`<p>${t("kit_locked")}</p><${$} text=${r} label=${t("kit_code")} fieldLabel=${t("kit_text")} />`:n`<form onSubmit=${l} novalidate><p id="lock-how">${t("kit_lock_how")}</p>
    <label for="lock-phrase">${t("passphrase")}</label>
    <input id="lock-phrase" type="text" dir="auto" autocomplete="off" autocapitalize="off" spellcheck="false" value=${o}
      aria-describedby="lock-how lock-wrong" aria-invalid=${!!i} onInput=${c=>a(c.target.value)} />
    <${O} id="lock-wrong">${i}<//>
    <p><button type="submit" aria-disabled=${u}>${t("kit_lock")}</button>
      <span class="said" role="status">${u?t("locking"):""}</span></p></form>`}function K({phone:e}){let o=async a=>{await z(a.target.value),e.changed()};return n`<label for="language">${t("language")}</label>
    <select id="language" onChange=${o}>${Object.keys(v).map(a=>n`
      <option value=${a} lang=${a} selected=${a===E()}>${v[a]}</option>`)}</select>`}function D({phone:e}){let[o,a]=p(!1),r=async()=>{await e.forget(),location.replace(location.pathname)};return n`<h3>${t("forget")}</h3><p>${t("forget_how")}</p>
    ${o?n`<p class="buttons"><button type="button" class="danger" onClick=${r}>${t("forget_sure")}</button>
        <button type="button" onClick=${()=>a(!1)}>${t("keep_it")}</button></p>`:n`<p><button type="button" onClick=${()=>a(!0)}>${t("forget")}</button></p>`}`}function be(){return n`<section class="view" aria-labelledby="view-title"><${C} title=${t("safety")} />
    <div class="sheet" role="region" tabindex="0" aria-labelledby="view-title">${["sealed","gateway","wifi","phone","words","ways"].map(e=>n`<p key=${e}>${t("safe_"+e)}</p>`)}</div>
  </section>`}export{K as Language,be as Safety,we as Settings};
