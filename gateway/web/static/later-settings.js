import{Refused as G,drawn as W,fetched as S,picture as H}from"./app.js";async function m(e){let{draw:o}=await S("./later-qr-draw.js");return o(e)}import{FileButton as Y,Wrong as Z,html as k,t as w,useEffect as M,useRef as O,useState as b,why as ee}from"./app.js";function h({text:e,codeText:o=e,label:a,fieldLabel:r}){let[s,i]=b(null),[$,u]=b(""),l=O();M(()=>{m(o).then(i,()=>i(null))},[o]);let c=()=>{l.current.focus(),l.current.setSelectionRange(0,e.length);let g=!1;try{g=document.execCommand("copy")}catch{}u(w(g?"copied":"copy_refused"))};return k`
    <div class="code">${s&&k`
      <svg role="img" aria-label=${a} viewBox=${`-4 -4 ${s.size+8} ${s.size+8}`}
           shape-rendering="crispEdges" data-code=${o}>
        <path fill="#fff" d=${`M-4-4h${s.size+8}v${s.size+8}h-${s.size+8}z`} />
        <path fill="#000" d=${s.path} />
      </svg>`}
    </div>
    <label for="code-text">${r}</label>
    <textarea id="code-text" ref=${l} rows="6" dir="ltr" readonly spellcheck="false">${e}</textarea>
    <p><button type="button" class="primary" onClick=${c}>${w("copy")}</button>
      <span class="said" role="status">${$}</span></p>`}import{concat as pe,hex as ue,unhex as fe}from"./app.js";var y="readMarks";function v(e,o){return e.write(["kv","messages"],async a=>{let r=o?(await a.all("messages")).reduce((s,i)=>Math.max(s,i.order),0):!1;await a.keep(y,r)})}var x=async e=>![void 0,!1].includes(await e.value(y));import{Bar as C,LANGUAGES as _,Later as f,SAVED as B,Wrong as j,choose as z,html as n,kitText as E,load as L,spoken as R,t,useAttempt as A,useEffect as I,useState as p}from"./app.js";function ye({phone:e}){let[o,a]=p(!1);return n`<section class="view" aria-labelledby="view-title"><${C} title=${t("settings")} />
    <div class="sheet">
      <${q} phone=${e} />
      <h3>${t("my_kit")}</h3><p>${t("my_kit_how")}</p>
      ${o?n`<${h} text=${E(e.me)} label=${t("kit_code")} fieldLabel=${t("kit_text")} />`:n`<p><button type="button" onClick=${()=>a(!0)}>${t("show_kit")}</button></p><${K} phone=${e} />`}
      <h3>${t("my_devices")}</h3><p><a class="button" href="#device">${t("my_devices_show")}</a></p>
      <${f} name="directory" part="Findable" phone=${e} />
      <${D} phone=${e} />
      <${f} name="kit" part="Lock" phone=${e} />
      <${f} name="badges" part="MyBadge" bare phone=${e} />
      <${F} phone=${e} />
    </div></section>`}function D({phone:e}){let[o,a]=p(null);I(()=>{x(e.store).then(a)},[]);let r=async s=>{a(s.target.checked),await v(e.store,s.target.checked)};return n`<h3>${t("read_marks_title")}</h3><p id="marks-how">${t("read_marks_how")}</p>
    <label class="choice"><input id="read-marks" type="checkbox" checked=${!!o} disabled=${o===null}
      aria-describedby="marks-how" onChange=${r} />${t("read_marks")}</label>`}function K({phone:e}){let[o,a]=p(""),[r,s]=p(""),[i,$,u]=A(),l=c=>{c.preventDefault(),$(async()=>s(await(await L("kit")).lockedKit(e.me,o)))};return r?n`<p>${t("kit_locked")}</p><${h} text=${r} label=${t("kit_code")} fieldLabel=${t("kit_text")} />`:n`<form onSubmit=${l} novalidate><p id="lock-how">${t("kit_lock_how")}</p>
    <label for="lock-phrase">${t("passphrase")}</label>
    <input id="lock-phrase" type="text" dir="auto" autocomplete="off" autocapitalize="off" spellcheck="false" value=${o}
      aria-describedby="lock-how lock-wrong" aria-invalid=${!!i} onInput=${c=>a(c.target.value)} />
    <${j} id="lock-wrong">${i}<//>
    <p><button type="submit" aria-disabled=${u}>${t("kit_lock")}</button>
      <span class="said" role="status">${u?t("locking"):""}</span></p></form>`}function q({phone:e}){let o=async a=>{await z(a.target.value),e.changed()};return n`<label for="language">${t("language")}</label>
    <select id="language" onChange=${o}>${Object.keys(_).map(a=>n`
      <option value=${a} lang=${a} selected=${a===R()}>${_[a]}</option>`)}</select>`}function F({phone:e}){let[o,a]=p(!1),r=async()=>{await e.forget(),location.replace(location.pathname)};return n`<h3>${t("forget")}</h3><p>${t("forget_how")}</p>
    ${o?n`<p class="buttons"><button type="button" class="danger" onClick=${r}>${t("forget_sure")}</button>
        <button type="button" onClick=${()=>a(!1)}>${t("keep_it")}</button></p>`:n`<p><button type="button" onClick=${()=>a(!0)}>${t("forget")}</button></p>`}`}function ve(){return n`<section class="view" aria-labelledby="view-title"><${C} title=${t("safety")} />
    <div class="sheet" role="region" tabindex="0" aria-labelledby="view-title">${["sealed","gateway","wifi","phone","words","ways"].map(e=>n`<p key=${e}>${t("safe_"+e)}</p>`)}
      ${B?n`<p>${t("safe_saved")}</p>`:n`<${f} name="saving" part="Save" />`}</div>
  </section>`}export{q as Language,ve as Safety,ye as Settings};
