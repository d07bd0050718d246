// Small parts that several views are made of.

import { html } from "htm/preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { t, why } from "./words.js";

// The head of a view. Its title takes the focus, so that keyboards and screen readers follow.
export function Bar({ title, children, steal = true }) {
  const heading = useRef();
  useEffect(() => { if (steal && heading.current) heading.current.focus({ preventScroll: true }); }, []);
  return html`<header class="bar">
    <a class="icon back" href="#" aria-label=${t("back")}><span aria-hidden="true"></span></a>
    <div class="grow"><h2 id="view-title" tabindex="-1" ref=${heading}><bdi>${title}</bdi></h2>${children}</div>
  </header>`;
}

// What is wrong with a field, beside it, said aloud. Always there, so that it is announced.
export function Wrong({ id, children }) {
  return html`<p id=${id} class=${children ? "error" : "error none"} role="alert">${children}</p>`;
}

// An action that may be refused: [what was wrong, run(action), is it running].
export function useAttempt() {
  const [wrong, setWrong] = useState("");
  const [busy, setBusy] = useState(false);
  const run = async (action) => {
    if (busy) return;
    setBusy(true);
    setWrong("");
    try {
      await action();
    } catch (error) {
      if (!error.code && error.name !== "QuotaExceededError") console.error(error);
      setWrong(error.name === "QuotaExceededError" ? t("no_storage-full") : why(error));
    }
    setBusy(false);
  };
  return [wrong, run, busy, setWrong];
}

// A button that lets choose a file; take(File).
export function FileButton({ id, label, accept, take, icon }) {
  const chosen = (event) => {
    const file = event.target.files[0];
    event.target.value = ""; // the same one may be chosen again
    if (file) take(file);
  };
  return html`<span class="file">
    <input type="file" id=${id} class="unseen" accept=${accept} onChange=${chosen} />
    <label for=${id} class=${icon ? "button round" : "button"}>
      ${icon ? html`<span aria-hidden="true">${icon}</span><span class="unseen">${label}</span>` : label}
    </label>
  </span>`;
}

export const Sun = () => html`<svg class="mark" viewBox="0 0 32 32" aria-hidden="true"><circle cx="16" cy="16" r="6.5" />
  <path d="M16 2v4M16 26v4M2 16h4M26 16h4M6.1 6.1l2.8 2.8M23.1 23.1l2.8 2.8M6.1 25.9l2.8-2.8M23.1 8.9l2.8-2.8" /></svg>`;
