import{Bar as m,NO_BOX_ROOT as h,Refused as g,Wrong as _,cardOf as k,cardText as v,deviceId as y,html as s,parseCard as O,t as o,useAttempt as x,useEffect as A,useState as u,words as S}from"./app.js";var C=1e4;function j({phone:a}){let[e,r]=u(null),[d,n]=u(!!a.gateway.seenAs),[l,b,c]=x(),i=async()=>{try{r(R(await a.gateway.nearby()).filter(t=>y(t)!==a.id))}catch{}};A(()=>{i();let t=setInterval(i,C);return()=>clearInterval(t)},[]);let f=t=>{let $=t.target.checked;n($),b(async()=>{try{await I(a,$)}catch(p){throw p instanceof g&&n(!1),p}})},w=t=>b(()=>a.addCard(t));return s`<section class="view" aria-labelledby="view-title"><${m} title=${o("nearby")} />
    <div class="sheet"><p id="nearby-how">${o("nearby_how")}</p>
      <label class="choice"><input id="nearby-seen" type="checkbox" checked=${d} aria-disabled=${c}
        aria-describedby="nearby-how nearby-wrong" onChange=${f} />${o("nearby_seen")}</label>
      <${_} id="nearby-wrong">${l}<//>
      <p role="status">${e&&e.length===0?o("nearby_none"):""}</p>
      ${e&&e.length>0&&s`<ul class="found">${e.map(t=>s`
        <${B} key=${y(t)} phone=${a} card=${t} add=${w} busy=${c} />`)}</ul>`}
    </div></section>`}function I({gateway:a,me:e},r){return a.seenAs=r?v({...k(e),boxRoot:h}):"",a.register()}function R({here:a}){let e=[];for(let r of Array.isArray(a)?a:[])try{e.push(O(r.card))}catch{}return e}function B({phone:a,card:e,add:r,busy:d}){let n=y(e),l=a.people.get(n),b=Array.from(a.people.values()).some(i=>i.name===e.name&&i.id!==n),c=`near-${n}`;return s`<li><p class="big"><bdi>${e.name}</bdi></p>
    <p id=${c}><span class="words" dir="ltr">${S(n)}</span></p>
    ${b&&s`<p class="error">${o("same_name")}</p>`}
    <p>${l&&l.standing==="contact"?s`<a class="button" href=${"#c/"+n} aria-describedby=${c}>${o("find_write")}</a>`:s`<button type="button" class="primary" aria-disabled=${d} aria-describedby=${c}
          onClick=${()=>r(e)}>${o("find_add",{name:e.name})}</button>`}</p></li>`}export{j as Nearby,I as beSeen,R as cardsIn};
