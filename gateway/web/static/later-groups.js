import{Bar as w,Wrong as b,deviceId as k,cardOf as C,html as r,t,useAttempt as g,useState as $,words as x}from"./app.js";var v=n=>n.chats().map(e=>e.person).filter(e=>e.standing==="contact");function D({phone:n}){let[e,a]=$(""),[s,i]=$([]),[o,l,u,c]=g(),p=d=>{i(d),c("")},m=d=>{d.preventDefault(),l(async()=>{location.hash="#c/"+await n.inGroup("make",e,s)})};return r`<section class="view" aria-labelledby="view-title"><${w} title=${t("new_group")} />
    <div class="sheet"><form onSubmit=${m} novalidate><p>${t("group_how")}</p>
      <label for="group-name">${t("group_name")}</label>
      <input id="group-name" type="text" dir="auto" autocomplete="off" value=${e} aria-describedby="group-wrong"
        aria-invalid=${!!o} onInput=${d=>a(d.target.value)} />
      <${_} people=${v(n)} chosen=${s} setChosen=${p} none=${t("nobody")} />
      <${b} id="group-wrong">${o}<//>
      <p><button type="submit" class="primary" aria-disabled=${u}>${t("make_group")}</button></p>
    </form></div></section>`}function _({people:n,chosen:e,setChosen:a,none:s}){let i=o=>a(e.includes(o)?e.filter(l=>l!==o):e.concat(o));return r`<fieldset><legend>${t("group_members")}</legend>
    ${n.length===0&&r`<p class="quiet">${s}</p>`}
    ${n.map(o=>r`<label key=${o.id} class="choice"><input type="checkbox" checked=${e.includes(o.id)}
      onChange=${()=>i(o.id)} /><bdi>${o.name}</bdi></label>`)}</fieldset>`}function I({phone:n,person:{group:e}}){let[a,s,i]=g(),o=u=>s(()=>n.inGroup(u,e.id));if(e.standing!=="invited"){let u=e.standing==="ended"?t("group_ended"):e.standing==="left"?t("group_left"):e.standing==="out"?t("group_out"):t("group_waits");return r`<div class="foot"><p>${u}</p></div>`}let l=e.members.find(u=>u.id===e.maker);return r`<div class="foot" role="group"><p dir="auto">${t("group_invited",{who:y(n,l)})}</p>
    <p class="buttons"><button type="button" class="primary" aria-disabled=${i} onClick=${()=>o("accept")}>${t("accept")}</button>
      <button type="button" aria-disabled=${i} onClick=${()=>o("leave")}>${t("group_decline")}</button></p>
    <${b} id="group-foot-wrong">${a}<//></div>`}function y(n,{id:e,card:a}){let s=n.people.get(e);return s&&s.standing==="contact"?s.name:a.name}function N({phone:n,person:{group:e}}){let[a,s,i]=g(),o=(c,...p)=>s(()=>n.inGroup(c,e.id,...p)),l=e.mine&&e.standing==="in",u=Object.values(e.refused).reduce((c,p)=>c+p,0);return r`<details class="details"><summary class="quiet">${t("group_members")}: ${e.members.length}</summary>
    <ul class="members">${e.members.map(c=>r`<${O} key=${c.id} phone=${n} group=${e}
      member=${c} remove=${l&&(()=>o("remove",c.id))} />`)}</ul>
    ${u>0&&r`<p class="error">${t("group_refused",{n:u})}</p>`}
    ${l&&r`<${G} phone=${n} group=${e} act=${o} busy=${i} />`}
    <${b} id="group-details-wrong">${a}<//>
    ${e.standing==="in"&&r`<${h} label=${t(e.mine?"group_end":"group_leave")}
      sure=${t(e.mine?"group_end_sure":"group_leave_sure")} act=${()=>o("leave")} />`}
  </details>`}function O({phone:n,group:e,member:a,remove:s}){let i=y(n,a),o=a.id===k(C(n.me)),u=a.id===e.maker?t("group_maker"):a.left?t("group_has_left"):a.joined?"":t("group_not_yet");return r`<li><div><bdi>${i}</bdi>${o&&r` <span class="quiet">(${t("group_you")})</span>`}${u&&r` <span class="tag">${u}</span>`}</div>
    <div class="words quiet" dir="ltr">${x(a.id)}</div>
    ${s&&!o&&r`<${h} label=${t("group_remove",{name:i})} sure=${t("group_remove_sure",{name:i})} act=${s} />`}</li>`}function G({phone:n,group:e,act:a,busy:s}){let[i,o]=$(e.name),[l,u]=$([]),c=v(n).filter(d=>!e.members.some(f=>(n.leader(f.id)||f).id===d.id)),p=d=>{d.preventDefault(),a("rename",i)},m=()=>{a("invite",l),u([])};return r`<form onSubmit=${p} novalidate><label for="group-rename">${t("group_name")}</label>
      <input id="group-rename" type="text" dir="auto" autocomplete="off" value=${i} aria-describedby="group-details-wrong"
        onInput=${d=>o(d.target.value)} />
      <p><button type="submit" aria-disabled=${s}>${t("save")}</button></p></form>
    ${c.length>0&&r`<${_} people=${c} chosen=${l} setChosen=${u} />
      <p><button type="button" aria-disabled=${s||!l.length} onClick=${()=>l.length&&m()}>${t("group_add")}</button></p>`}
    <p class="quiet">${t("group_renew_how")}</p>
    <p><button type="button" aria-disabled=${s} onClick=${()=>a("renew")}>${t("group_renew")}</button></p>`}function h({label:n,sure:e,act:a}){let[s,i]=$(!1);return s?r`<p class="buttons"><button type="button" class="danger" onClick=${()=>{i(!1),a()}}>${e}</button>
    <button type="button" onClick=${()=>i(!1)}>${t("keep_it")}</button></p>`:r`<p><button type="button" class="small" onClick=${()=>i(!0)}>${n}</button></p>`}export{N as GroupDetails,I as GroupFoot,D as NewGroup};
