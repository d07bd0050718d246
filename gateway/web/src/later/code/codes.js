// QR codes: drawn and read by code that is loaded when it is needed.

import { Refused, drawn, fetched, picture } from "../../shared.js";

const SIDES = [1000, 600, 1600]; // pixels: what is too fine for one is seen in another

// {size, path} of a text's code.
export async function drawCode(text) {
  const { draw } = await fetched("./later-qr-draw.js");
  return draw(text);
}

// The text of the code in a chosen photo. Throws Refused "no-code", "not-a-picture".
export async function readCode(chosen) {
  const [{ read }, image] = await Promise.all([fetched("./later-qr-read.js"), picture(chosen)]);
  for (const side of SIDES) {
    const canvas = drawn(image, side);
    const found = read(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height));
    if (found) return found;
  }
  throw new Refused("no-code");
}
