import{Refused as k,drawn as S,picture as z}from"./app.js";var I=[1e3,600,1600];async function y(e){let{draw:t}=await import("./later-qr-draw.js");return t(e)}async function v(e){let[{read:t},r]=await Promise.all([import("./later-qr-read.js"),z(e)]);for(let i of I){let a=S(r,i),n=t(a.getContext("2d").getImageData(0,0,a.width,a.height));if(n)return n}throw new k("no-code")}import{FileButton as B,Wrong as R,html as h,t as m,useEffect as D,useRef as E,useState as b,why as F}from"./app.js";function x({text:e,codeText:t=e,label:r,fieldLabel:i}){let[a,n]=b(null),[o,d]=b(""),c=E();D(()=>{y(t).then(n,()=>n(null))},[t]);let p=()=>{c.current.focus(),c.current.setSelectionRange(0,e.length);let l=!1;try{l=document.execCommand("copy")}catch{}d(m(l?"copied":"copy_refused"))};return h`
    <div class="code">${a&&h`
      <svg role="img" aria-label=${r} viewBox=${`-4 -4 ${a.size+8} ${a.size+8}`}
           shape-rendering="crispEdges" data-code=${t}>
        <path fill="#fff" d=${`M-4-4h${a.size+8}v${a.size+8}h-${a.size+8}z`} />
        <path fill="#000" d=${a.path} />
      </svg>`}
    </div>
    <label for="code-text">${i}</label>
    <textarea id="code-text" ref=${c} rows="6" dir="ltr" readonly spellcheck="false">${e}</textarea>
    <p><button type="button" class="primary" onClick=${p}>${m("copy")}</button>
      <span class="said" role="status">${o}</span></p>`}function C({id:e,label:t,hint:r,value:i,setValue:a,wrong:n,setWrong:o}){let[d,c]=b(!1),p=async l=>{c(!0),o("");try{a(await v(l))}catch(u){o(F(u))}c(!1)};return h`
    <label for=${e}>${t}</label>
    <textarea id=${e} rows="5" dir="ltr" autocapitalize="off" autocomplete="off" spellcheck="false"
      placeholder=${r} value=${i} aria-describedby=${e+"-wrong"} aria-invalid=${!!n}
      onInput=${l=>a(l.target.value)}></textarea>
    <${R} id=${e+"-wrong"}>${n}<//>
    <p><${B} id=${e+"-photo"} label=${m("photo")} accept="image/*" take=${p} />
      <span class="said" role="status">${d?m("reading"):""}</span></p>`}import{Bar as w,Composer as W,cardIn as q,cardLink as A,cardOf as L,cardText as M,html as $,t as s,useAttempt as P,useState as g,words as N}from"./app.js";function U({phone:e,card:t=""}){let[r,i]=g(t),[a,n]=g(""),[o,d,c,p]=P(),l=f=>{f.preventDefault(),d(async()=>{let _=await e.add(r,a);location.hash="#c/"+_.id})},u=O(r);return $`<section class="view" aria-labelledby="view-title"><${w} title=${s("add")} />
    <form class="sheet" onSubmit=${l} novalidate>
      <p>${s("add_how")}</p>
      <${C} id="card" label=${s("their_card")} hint=${s("card_hint")} value=${r}
        setValue=${f=>{i(f),p("")}} wrong=${o} setWrong=${p} />
      ${u&&$`<p class="big" role="status"><bdi>${s("add_this",{name:u})}</bdi></p>`}
      <label for="name">${s("name_as")}</label>
      <input id="name" type="text" dir="auto" autocomplete="off" value=${a} onInput=${f=>n(f.target.value)} />
      <p><button type="submit" class="primary" aria-disabled=${c}>${s("add")}</button></p>
    </form></section>`}function O(e){try{return q(e).name}catch{return""}}function V({phone:e}){let t=L(e.me);return $`<section class="view" aria-labelledby="view-title"><${w} title=${s("my_card")} />
    <div class="sheet"><p class="big" dir="auto">${t.name}</p>
      <p>${s("card_how")}</p>
      <${x} text=${M(t)} codeText=${A(t,location.origin)} label=${s("card_code")} fieldLabel=${s("card_text")} />
      <p><span class="quiet">${s("my_words")}:</span> <span class="words" dir="ltr">${N(e.id)}</span></p>
    </div></section>`}function X({phone:e}){let[t,r]=g([]),i=e.chats().map(o=>o.person).filter(o=>o.standing==="contact"),a=o=>r(t.includes(o)?t.filter(d=>d!==o):t.concat(o)),n=()=>{location.hash="#c/"+t[0]};return $`<section class="view" aria-labelledby="view-title"><${w} title=${s("several")} />
    <fieldset class="sheet grow"><legend>${s("recipients")}</legend>
      ${i.length===0&&$`<p class="quiet">${s("nobody")}</p>`}
      ${i.map(o=>$`<label key=${o.id} class="choice"><input type="checkbox" checked=${t.includes(o.id)}
        onChange=${()=>a(o.id)} /><bdi>${o.name}</bdi></label>`)}
    </fieldset>
    <${W} phone=${e} to=${t} draft="several" sent=${n} /></section>`}export{U as Add,V as MyCard,X as Several};
