import{Refused as j,drawn as q,fetched as v,picture as B}from"./app.js";var F=[1e3,600,1600];async function x(t){let{draw:e}=await v("./later-qr-draw.js");return e(t)}async function C(t){let[{read:e},n]=await Promise.all([v("./later-qr-read.js"),B(t)]);for(let c of F){let a=q(n,c),r=e(a.getContext("2d").getImageData(0,0,a.width,a.height));if(r)return r}throw new j("no-code")}import{FileButton as O,Wrong as R,html as m,t as h,useEffect as D,useRef as E,useState as b,why as L}from"./app.js";function _({text:t,codeText:e=t,label:n,fieldLabel:c}){let[a,r]=b(null),[o,d]=b(""),i=E();D(()=>{x(e).then(r,()=>r(null))},[e]);let p=()=>{i.current.focus(),i.current.setSelectionRange(0,t.length);let l=!1;try{l=document.execCommand("copy")}catch{}d(h(l?"copied":"copy_refused"))};return m`
    <div class="code">${a&&m`
      <svg role="img" aria-label=${n} viewBox=${`-4 -4 ${a.size+8} ${a.size+8}`}
           shape-rendering="crispEdges" data-code=${e}>
        <path fill="#fff" d=${`M-4-4h${a.size+8}v${a.size+8}h-${a.size+8}z`} />
        <path fill="#000" d=${a.path} />
      </svg>`}
    </div>
    <label for="code-text">${c}</label>
    <textarea id="code-text" ref=${i} rows="6" dir="ltr" readonly spellcheck="false">${t}</textarea>
    <p><button type="button" class="primary" onClick=${p}>${h("copy")}</button>
      <span class="said" role="status">${o}</span></p>`}function k({id:t,label:e,hint:n,value:c,setValue:a,wrong:r,setWrong:o}){let[d,i]=b(!1),p=async l=>{i(!0),o("");try{a(await C(l))}catch(u){o(L(u))}i(!1)};return m`
    <label for=${t}>${e}</label>
    <textarea id=${t} rows="5" dir="ltr" autocapitalize="off" autocomplete="off" spellcheck="false"
      placeholder=${n} value=${c} aria-describedby=${t+"-wrong"} aria-invalid=${!!r}
      onInput=${l=>a(l.target.value)}></textarea>
    <${R} id=${t+"-wrong"}>${r}<//>
    <p><${O} id=${t+"-photo"} label=${h("photo")} accept="image/*" take=${p} />
      <span class="said" role="status">${d?h("reading"):""}</span></p>`}import{Bar as y,Composer as P,Later as A,cardLink as M,cardOf as W,cardText as S,cardsIn as N,html as $,origin as z,t as s,useAttempt as Y,useState as g,words as G}from"./app.js";function ae({phone:t,card:e=""}){let[n,c]=g(e),[a,r]=g(""),[o,d,i,p]=Y(),l=f=>{f.preventDefault(),d(async()=>{let I=await t.add(n,a);location.hash="#c/"+I.id})},u=H(n);return $`<section class="view" aria-labelledby="view-title"><${y} title=${s("add")} />
    <div class="sheet"><form class="card-form" onSubmit=${l} novalidate>
      <p>${s("add_how")}</p>
      <${k} id="card" label=${s("their_card")} hint=${s("card_hint")} value=${n}
        setValue=${f=>{c(f),p("")}} wrong=${o} setWrong=${p} />
      ${u&&$`<p class="big" role="status"><bdi>${s("add_this",{name:u})}</bdi></p>`}
      <label for="name">${s("name_as")}</label>
      <input id="name" type="text" dir="auto" autocomplete="off" value=${a} onInput=${f=>r(f.target.value)} />
      <p><button type="submit" class="primary" aria-disabled=${i}>${s("add")}</button></p>
    </form>
    <p><a class="button" href="#nearby">${s("nearby")}</a></p>
    <${A} name="directory" part="Find" phone=${t} /></div></section>`}function H(t){try{return N(t).map(e=>e.name).join(", ")}catch{return""}}function oe({phone:t}){let e=W(t.me);return $`<section class="view" aria-labelledby="view-title"><${y} title=${s("my_card")} />
    <div class="sheet"><p class="big" dir="auto">${e.name}</p>
      <p>${s("card_how")}</p>
      <${_} text=${S(e)} codeText=${z()?M(e,z()):S(e)} label=${s("card_code")} fieldLabel=${s("card_text")} />
      <p><span class="quiet">${s("my_words")}:</span> <span class="words" dir="ltr">${G(t.id)}</span></p>
    </div></section>`}function se({phone:t}){let[e,n]=g([]),c=t.chats().map(o=>o.person).filter(o=>o.standing==="contact"),a=o=>n(e.includes(o)?e.filter(d=>d!==o):e.concat(o)),r=()=>{location.hash="#c/"+e[0]};return $`<section class="view" aria-labelledby="view-title"><${y} title=${s("several")} />
    <fieldset class="sheet grow"><legend>${s("recipients")}</legend>
      ${c.length===0&&$`<p class="quiet">${s("nobody")}</p>`}
      ${c.map(o=>$`<label key=${o.id} class="choice"><input type="checkbox" checked=${e.includes(o.id)}
        onChange=${()=>a(o.id)} /><bdi>${o.name}</bdi></label>`)}
    </fieldset>
    <${P} phone=${t} to=${e} draft="several" sent=${r} /></section>`}export{ae as Add,oe as MyCard,se as Several};
