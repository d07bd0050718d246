// Parts that show and read QR codes, for the views that need them.

import { drawCode, readCode } from "./codes.js";
import { FileButton, Wrong, html, t, useEffect, useRef, useState, why } from "../../shared.js";

// A text with the code to scan, the text to copy.
export function Code({ text, codeText = text, label, fieldLabel }) {
  const [code, setCode] = useState(null);
  const [said, setSaid] = useState("");
  const box = useRef();
  useEffect(() => { drawCode(codeText).then(setCode, () => setCode(null)); }, [codeText]);
  const copy = () => {
    box.current.focus();
    box.current.setSelectionRange(0, text.length);
    let done = false;
    try { done = document.execCommand("copy"); } catch (refused) { /* said below */ }
    setSaid(t(done ? "copied" : "copy_refused"));
  };
  return html`
    <div class="code">${code && html`
      <svg role="img" aria-label=${label} viewBox=${`-4 -4 ${code.size + 8} ${code.size + 8}`}
           shape-rendering="crispEdges" data-code=${codeText}>
        <path fill="#fff" d=${`M-4-4h${code.size + 8}v${code.size + 8}h-${code.size + 8}z`} />
        <path fill="#000" d=${code.path} />
      </svg>`}
    </div>
    <label for="code-text">${fieldLabel}</label>
    <textarea id="code-text" ref=${box} rows="6" dir="ltr" readonly spellcheck="false">${text}</textarea>
    <p><button type="button" class="primary" onClick=${copy}>${t("copy")}</button>
      <span class="said" role="status">${said}</span></p>`;
}

// A field for a card or a kit: pasted, or read from a photo of its code.
export function CodeField({ id, label, hint, value, setValue, wrong, setWrong }) {
  const [reading, setReading] = useState(false);
  const photo = async (file) => {
    setReading(true);
    setWrong("");
    try {
      setValue(await readCode(file));
    } catch (error) {
      setWrong(why(error));
    }
    setReading(false);
  };
  return html`
    <label for=${id}>${label}</label>
    <textarea id=${id} rows="5" dir="ltr" autocapitalize="off" autocomplete="off" spellcheck="false"
      placeholder=${hint} value=${value} aria-describedby=${id + "-wrong"} aria-invalid=${Boolean(wrong)}
      onInput=${(e) => setValue(e.target.value)}></textarea>
    <${Wrong} id=${id + "-wrong"}>${wrong}<//>
    <p><${FileButton} id=${id + "-photo"} label=${t("photo")} accept="image/*" take=${photo} />
      <span class="said" role="status">${reading ? t("reading") : ""}</span></p>`;
}
