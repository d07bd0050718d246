// What the libraries use and browsers of 2020 do not have; build.mjs puts it in its place.

// Object.hasOwn, ES2022.
export const hasOwn = (object, key) => Object.prototype.hasOwnProperty.call(object, key);
