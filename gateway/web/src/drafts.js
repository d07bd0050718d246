// What was typed and not sent yet. It outlives the page, and several tabs may have the same chat open.

const DRAFT = "heliograph.draft.";

export function draftOf(id) {
  try { return localStorage.getItem(DRAFT + id) || ""; } catch (refused) { return ""; }
}

export function keepDraft(id, text) {
  try {
    if (text) localStorage.setItem(DRAFT + id, text);
    else localStorage.removeItem(DRAFT + id);
  } catch (refused) { /* the field still has it */ }
}

// What is left of `typed` when `sent` is in the store: what was typed meanwhile. Another text, as of
// another tab, stays whole.
export const left = (typed, sent) => (typed.startsWith(sent) ? typed.slice(sent.length).trimStart() : typed);

// Sent: the same goes for what is kept, whoever typed it.
export const sentDraft = (id, sent) => keepDraft(id, left(draftOf(id), sent));

// Another tab has changed this draft: heard(former text, text now). -> to hear no more.
export function hearDraft(id, heard) {
  const changed = (event) => {
    if (event.key === DRAFT + id) heard(event.oldValue || "", event.newValue || "");
  };
  window.addEventListener("storage", changed);
  return () => window.removeEventListener("storage", changed);
}
