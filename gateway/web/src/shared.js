// What is loaded later shares this with the page: it is in app.js, once.

export { ed25519, x25519 } from "@noble/curves/ed25519.js";
export * from "./bytes.js";
export * from "./errors.js";
export * from "./hashing.js";
export * from "./identity.js";
export { html } from "htm/preact";
export { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
export { Composer } from "./composer.js";
export { Later, load } from "./loading.js";
export { LIFETIME } from "./mail.js";
export { Bar, FileButton, Sun, Wrong, useAttempt } from "./parts.js";
export { cardsIn } from "./cards_in_text.js";
export { cardLink, kitLink } from "./people.js";
export * from "./place.js";
export { drawn, picture } from "./pictures.js";
export { LANGUAGES, choose, day, spoken, t, why } from "./words.js";
