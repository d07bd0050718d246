import{Refused as S,drawn as z,picture as I}from"./app.js";var B=[1e3,600,1600];async function v(e){let{draw:t}=await import("./later-qr-draw.js");return t(e)}async function x(e){let[{read:t},r]=await Promise.all([import("./later-qr-read.js"),I(e)]);for(let c of B){let a=z(r,c),n=t(a.getContext("2d").getImageData(0,0,a.width,a.height));if(n)return n}throw new S("no-code")}import{FileButton as F,Wrong as O,html as h,t as m,useEffect as R,useRef as D,useState as b,why as E}from"./app.js";function C({text:e,codeText:t=e,label:r,fieldLabel:c}){let[a,n]=b(null),[o,d]=b(""),i=D();R(()=>{v(t).then(n,()=>n(null))},[t]);let p=()=>{i.current.focus(),i.current.setSelectionRange(0,e.length);let l=!1;try{l=document.execCommand("copy")}catch{}d(m(l?"copied":"copy_refused"))};return h`
    <div class="code">${a&&h`
      <svg role="img" aria-label=${r} viewBox=${`-4 -4 ${a.size+8} ${a.size+8}`}
           shape-rendering="crispEdges" data-code=${t}>
        <path fill="#fff" d=${`M-4-4h${a.size+8}v${a.size+8}h-${a.size+8}z`} />
        <path fill="#000" d=${a.path} />
      </svg>`}
    </div>
    <label for="code-text">${c}</label>
    <textarea id="code-text" ref=${i} rows="6" dir="ltr" readonly spellcheck="false">${e}</textarea>
    <p><button type="button" class="primary" onClick=${p}>${m("copy")}</button>
      <span class="said" role="status">${o}</span></p>`}function _({id:e,label:t,hint:r,value:c,setValue:a,wrong:n,setWrong:o}){let[d,i]=b(!1),p=async l=>{i(!0),o("");try{a(await x(l))}catch(u){o(E(u))}i(!1)};return h`
    <label for=${e}>${t}</label>
    <textarea id=${e} rows="5" dir="ltr" autocapitalize="off" autocomplete="off" spellcheck="false"
      placeholder=${r} value=${c} aria-describedby=${e+"-wrong"} aria-invalid=${!!n}
      onInput=${l=>a(l.target.value)}></textarea>
    <${O} id=${e+"-wrong"}>${n}<//>
    <p><${F} id=${e+"-photo"} label=${m("photo")} accept="image/*" take=${p} />
      <span class="said" role="status">${d?m("reading"):""}</span></p>`}import{Bar as y,Composer as L,Later as P,cardIn as q,cardLink as A,cardOf as M,cardText as W,html as $,t as s,useAttempt as j,useState as g,words as N}from"./app.js";function ee({phone:e,card:t=""}){let[r,c]=g(t),[a,n]=g(""),[o,d,i,p]=j(),l=f=>{f.preventDefault(),d(async()=>{let k=await e.add(r,a);location.hash="#c/"+k.id})},u=Y(r);return $`<section class="view" aria-labelledby="view-title"><${y} title=${s("add")} />
    <div class="sheet"><form class="card-form" onSubmit=${l} novalidate>
      <p>${s("add_how")}</p>
      <${_} id="card" label=${s("their_card")} hint=${s("card_hint")} value=${r}
        setValue=${f=>{c(f),p("")}} wrong=${o} setWrong=${p} />
      ${u&&$`<p class="big" role="status"><bdi>${s("add_this",{name:u})}</bdi></p>`}
      <label for="name">${s("name_as")}</label>
      <input id="name" type="text" dir="auto" autocomplete="off" value=${a} onInput=${f=>n(f.target.value)} />
      <p><button type="submit" class="primary" aria-disabled=${i}>${s("add")}</button></p>
    </form>
    <p><a class="button" href="#nearby">${s("nearby")}</a></p>
    <${P} name="directory" part="Find" phone=${e} /></div></section>`}function Y(e){try{return q(e).name}catch{return""}}function te({phone:e}){let t=M(e.me);return $`<section class="view" aria-labelledby="view-title"><${y} title=${s("my_card")} />
    <div class="sheet"><p class="big" dir="auto">${t.name}</p>
      <p>${s("card_how")}</p>
      <${C} text=${W(t)} codeText=${A(t,location.origin)} label=${s("card_code")} fieldLabel=${s("card_text")} />
      <p><span class="quiet">${s("my_words")}:</span> <span class="words" dir="ltr">${N(e.id)}</span></p>
    </div></section>`}function ae({phone:e}){let[t,r]=g([]),c=e.chats().map(o=>o.person).filter(o=>o.standing==="contact"),a=o=>r(t.includes(o)?t.filter(d=>d!==o):t.concat(o)),n=()=>{location.hash="#c/"+t[0]};return $`<section class="view" aria-labelledby="view-title"><${y} title=${s("several")} />
    <fieldset class="sheet grow"><legend>${s("recipients")}</legend>
      ${c.length===0&&$`<p class="quiet">${s("nobody")}</p>`}
      ${c.map(o=>$`<label key=${o.id} class="choice"><input type="checkbox" checked=${t.includes(o.id)}
        onChange=${()=>a(o.id)} /><bdi>${o.name}</bdi></label>`)}
    </fieldset>
    <${L} phone=${e} to=${t} draft="several" sent=${n} /></section>`}export{ee as Add,te as MyCard,ae as Several};
