// What views that are loaded later share with the page: it is in app.js, once.

export { html } from "htm/preact";
export { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
export { Composer } from "./composer.js";
export { Refused, cardOf, cardText, kitText, parseKit, words } from "./core.js";
export { Bar, FileButton, Sun, Wrong, useAttempt } from "./parts.js";
export { cardIn, cardLink, kitLink } from "./people.js";
export { drawn, picture } from "./pictures.js";
export { LANGUAGES, choose, spoken, t, why } from "./words.js";
