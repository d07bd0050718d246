// Sealing and opening: loaded right after the page is drawn, for it is as large as all the rest.

export { compress, decompress } from "../compress.js"; // for the board
export { GroupMail } from "../group_mail.js";
export { open, seal } from "../seal.js";
