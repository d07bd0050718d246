// Sealing and opening: loaded right after the page is drawn, for it is as large as all the rest.

export { compress, decompress } from "../compress.js"; // for the board
export { sentCopy } from "../copies.js";
export { hear } from "../quiet.js";
export { learn } from "../lists.js";
export { note } from "../notes.js";
export { openBox, sealBox } from "../sealed_box.js";
export { GroupMail } from "../group_mail.js";
export { open, seal } from "../seal.js";
