// Where one writes. What is typed is a draft until it is in the store.

import { html } from "htm/preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { utf8 } from "./bytes.js";
import { draftOf, hearDraft, keepDraft, left, sentDraft } from "./drafts.js";
import { Refused } from "./errors.js";
import { FileButton, Wrong, useAttempt } from "./parts.js";
import { attachment } from "./pictures.js";
import { t } from "./words.js";
import { FILE_MAX } from "./bodies.js";

const COUNT_FROM = 160; // bytes: what fits one frame need not be counted

// to: ids of people. sent(): it is in the store.
export function Composer({ phone, to, draft, focus, sent = () => {} }) {
  const [text, setText] = useState(() => draftOf(draft));
  const [file, setFile] = useState(null);
  const [preparing, setPreparing] = useState(false);
  const [wrong, attempt, busy, setWrong] = useAttempt();
  const box = useRef();
  const bytes = utf8(text).length;
  const most = phone.messageMax;
  useEffect(() => { if (focus) box.current.focus({ preventScroll: true }); }, []);
  useLayoutEffect(() => { // grows with its text
    box.current.style.height = "auto";
    box.current.style.height = box.current.scrollHeight + 2 + "px";
  }, [text]);
  useEffect(() => hearDraft(draft, (before, now) => { // what differs here is kept here
    setText((mine) => (mine === before ? now : mine));
  }), [draft]);
  const typed = (value) => {
    setText(value);
    setWrong("");
    keepDraft(draft, value);
  };
  const send = () => attempt(async () => {
    if (!to.length) throw new Refused("recipients", t("no_recipients"));
    check(text, bytes, most, file);
    if (file) {
      await phone.send(to, { file });
      setFile((now) => (now === file ? null : now)); // or another one was chosen meanwhile
    }
    if (text.trim()) {
      await phone.send(to, { text });
      sentDraft(draft, text);
      setText((now) => left(now, text));
    }
    sent();
    if (box.current) box.current.focus({ preventScroll: true }); // unless they went elsewhere
  });
  const attach = async (chosen) => {
    setPreparing(true);
    setWrong("");
    try {
      setFile(await attachment(chosen));
    } catch (error) {
      const key = "no_" + error.code;
      setWrong(t(key, { most: FILE_MAX / 1024 }));
    }
    setPreparing(false);
    box.current.focus({ preventScroll: true });
  };
  const key = (event) => {
    const composing = event.isComposing || event.keyCode === 229; // Enter that picks a character
    if (event.key !== "Enter" || event.shiftKey || composing) return;
    event.preventDefault();
    send();
  };
  return html`<form class="composer" onSubmit=${(e) => { e.preventDefault(); send(); }} novalidate>
    <${Wrong} id="text-wrong">${wrong}<//>
    ${(file || preparing) && html`<p class="attached" role="status">
      ${preparing ? html`<progress aria-label=${t("shrinking")}></progress> ${t("shrinking")}`
        : html`<bdi>${file.name}</bdi> <span class="quiet">${t("bytes", { n: file.bytes.length })}</span>
          <button type="button" class="small" onClick=${() => setFile(null)}>${t("remove")}</button>`}</p>`}
    <${FileButton} id="attach" label=${t("attach")} icon="＋" take=${attach} />
    <label for="text" class="unseen">${t("message")}</label>
    <textarea id="text" ref=${box} rows="1" dir="auto" enterkeyhint="send" placeholder=${t("message")} value=${text}
      aria-describedby="text-wrong count" aria-invalid=${Boolean(wrong)}
      onInput=${(e) => typed(e.target.value)} onKeyDown=${key}></textarea>
    <button type="submit" class="primary" aria-disabled=${busy}>${t("send")}</button>
    <p id="count" class=${bytes > most ? "error" : "quiet"}>${bytes > COUNT_FROM
      ? t(bytes > most ? "bytes_over" : bytes > most * 0.5 ? "bytes_of" : "bytes", { n: bytes, most }) : ""}</p>
  </form>`;
}

function check(text, bytes, most, file) {
  if (!text.trim() && !file) throw new Refused("text-empty");
  if (bytes > most) throw new Refused("text-long", t("no_text-long", { most }));
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u0008\u000e-\u001f]/.test(text)) throw new Refused("text-binary");
}
