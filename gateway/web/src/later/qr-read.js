// The text of a QR code in a picture, from {data, width, height} of a canvas; null if none is seen.

import jsQR from "jsqr";

export function read({ data, width, height }) {
  const found = jsQR(data, width, height);
  return found && found.data;
}
