// Where this page is: at a gateway, which is the one that it speaks to; or saved in a file, and then
// it speaks to the one whose address somebody typed. build.mjs puts saved/place.js here for the file.

export const SAVED = false;
export const FILE = "/static/saved.html"; // this page in one file
export const base = () => "";
export const origin = () => location.origin;

// Code that comes when it is wanted, by the name of its file.
export const fetched = (file) => import(file);
