// A QR code as an SVG path: {size, path}, one unit per module, without the quiet zone.

import qrcode from "qrcode-generator";

export function draw(text) {
  const code = qrcode(0, "L"); // the smallest that holds it; a screen is clean and does not tear
  code.addData(text, "Byte");
  code.make();
  const size = code.getModuleCount();
  let path = "";
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) if (code.isDark(y, x)) path += `M${x} ${y}h1v1h-1z`;
  }
  return { size, path };
}
