// What is attached: any small file, and pictures made small enough in the browser.

import { Refused } from "./errors.js";
import { FILE_MAX, isPicture } from "./bodies.js";

const SIDES = [1280, 1024, 800, 640, 480, 320]; // pixels of the longer side,
const QUALITIES = [0.75, 0.55, 0.35]; // and JPEG's quality, until it fits

// A chosen File to {name, mime, bytes}. Throws Refused "file-empty", "file-long".
export async function attachment(chosen) {
  if (!chosen.size) throw new Refused("file-empty");
  const small = chosen.size <= FILE_MAX;
  const picture = /^image\//.test(chosen.type) && chosen.type !== "image/svg+xml";
  if (picture && !(small && isPicture(chosen.type))) return shrunk(chosen);
  if (!small) throw new Refused("file-long");
  const bytes = new Uint8Array(await read(chosen, "readAsArrayBuffer"));
  return { name: chosen.name, mime: chosen.type || "application/octet-stream", bytes };
}

async function shrunk(chosen) {
  const image = await picture(chosen);
  for (const side of SIDES) {
    const canvas = drawn(image, side);
    for (const quality of QUALITIES) {
      const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", quality));
      if (blob && blob.size <= FILE_MAX) {
        const bytes = new Uint8Array(await read(blob, "readAsArrayBuffer"));
        return { name: chosen.name.replace(/\.\w+$/, "") + ".jpg", mime: "image/jpeg", bytes };
      }
    }
  }
  throw new Refused("file-long");
}

// A chosen File as an image. Throws Refused "not-a-picture".
export async function picture(chosen) {
  const url = await read(chosen, "readAsDataURL");
  return new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = () => reject(new Refused("not-a-picture"));
    image.src = url;
  });
}

// An image on a canvas whose longer side has at most so many pixels, on white.
export function drawn(image, side) {
  const scale = Math.min(1, side / Math.max(image.naturalWidth, image.naturalHeight));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(image.naturalWidth * scale));
  canvas.height = Math.max(1, Math.round(image.naturalHeight * scale));
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas;
}

function read(blob, how) { // FileReader: Safari before 14 has no blob.arrayBuffer()
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(new Refused("not-a-picture"));
    reader[how](blob);
  });
}

// Bytes as a data: URL, which the page's policy allows for pictures.
export function dataUrl(mime, bytes) {
  let binary = "";
  for (let i = 0; i < bytes.length; i += 8192) {
    binary += String.fromCharCode(...bytes.subarray(i, i + 8192));
  }
  return `data:${mime};base64,${btoa(binary)}`;
}
