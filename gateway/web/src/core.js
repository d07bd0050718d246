// All of the core, for the page.

export * from "./api.js";
export * from "./bytes.js";
export * from "./compress.js";
export * from "./errors.js";
export { H, hmac } from "./hashing.js";
export * from "./identity.js";
export * from "./seal.js";
