// Code that comes when it is wanted: later-NAME.js, built from src/later/NAME.js.

import { html } from "htm/preact";
import { useEffect, useState } from "preact/hooks";
import { Refused } from "./errors.js";
import { fetched } from "./place.js";
import { t } from "./words.js";

const loading = new Map();
const failed = new Map(); // how often it could not be fetched

// The code of src/later/NAME.js. What could not be fetched is asked for anew the next time, under
// another address: browsers remember that a module failed.
export function load(name) {
  const tries = failed.get(name) || 0;
  if (!loading.has(name)) {
    const file = `./later-${name}.js${tries ? "?" + tries : ""}`;
    loading.set(name, fetched(file).catch(() => {
      loading.delete(name);
      failed.set(name, tries + 1);
      throw new Refused("not-loaded");
    }));
  }
  return loading.get(name);
}

// A view, or a part of one (bare: nothing is in its place until then), whose code comes when it is
// wanted.
export function Later({ name, part, bare, ...props }) {
  const [views, setViews] = useState(null);
  const [away, setAway] = useState(false);
  useEffect(() => { load(name).then(setViews, () => setAway(true)); }, []);
  if (views) return html`<${views[part]} ...${props} />`;
  if (bare) return null;
  return html`<section class="view"><p class="pad" role="status">${away ? t("out_of_reach") : ""}</p></section>`;
}
