import*as s from"./app.js";import{Refused as d,Wrong as h,hex as $,html as r,sha256 as m,t as e,useAttempt as w,useState as b}from"./app.js";var i="heliograph.html";function k(){let[t,n]=b(null),[p,l,c]=w(),u=()=>l(async()=>{let a=await fetch(s.FILE).catch(()=>{throw new d("away")});if(!a.ok)throw new d("away");let o=new Uint8Array(await a.arrayBuffer()),f=URL.createObjectURL(new Blob([o],{type:"text/html"}));n({url:f,hash:$(m(o))})});return r`<h3>${e("save_page")}</h3><p>${e("save_page_how")}</p>
    <p class="buttons">${t?r`<a class="button primary" href=${t.url} download=${i}>${e("save_file",{name:i})}</a>`:r`<button type="button" aria-disabled=${c} onClick=${u}>${e("save_page")}</button>`}</p>
    ${t&&r`<p class="quiet">SHA-256</p><p class="words" dir="ltr">${t.hash}</p><p>${e("save_page_check")}</p>`}
    <${h} id="save-wrong">${p}<//>`}function _({phone:t}){let[n,p]=b(s.base()||""),[l,c]=w();return r`<form class="address seek" onSubmit=${a=>{a.preventDefault(),c(async()=>{let o=s.setBase(n);if(!o)throw new d("bad-address");p(o),t.moved()})}} novalidate><label for="address">${e("address")}</label>
    <input id="address" type="text" dir="ltr" inputmode="url" autocapitalize="off" autocomplete="off" spellcheck="false"
      placeholder="192.168.4.1:8080" value=${n} aria-describedby="address-wrong" onInput=${a=>p(a.target.value)} />
    <${h} id="address-wrong">${l}<//>
    <p class="buttons"><button type="submit" class="small">${e("address_take")}</button></p></form>`}export{_ as Address,k as Save};
