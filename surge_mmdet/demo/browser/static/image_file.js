// Images from files that anybody made: what they are, how large, and their pixels.
import {Refusal} from './refusal.js';

const starts = {
  JPEG: /^\xff\xd8\xff/,
  PNG: /^\x89PNG\r\n\x1a\n/,
  WEBP: /^RIFF[^]{4}WEBP/,
  BMP: /^BM/,
};
const DAMAGED =
  'This image is damaged or was cut off. Open it in another program and save it again.';
const AS_STORED = {
  imageOrientation: 'from-image', // turned upright, as the camera says
  colorSpaceConversion: 'none', // the detector was trained on values as stored
  premultiplyAlpha: 'none',
};

// Refuses a file by its first bytes, and an image by its size: both before its pixels are decoded.
export async function check(file, limits) {
  const start = String.fromCharCode(...new Uint8Array(await file.slice(0, 12).arrayBuffer()));
  if (!start) throw new Refusal('This file is empty. Choose an image.');
  if (!limits.formats.some((kind) => starts[kind].test(start))) {
    throw new Refusal(
      `This file is no image of a kind that is read here (${limits.formats.join(', ')}). Save it as `
      + 'PNG or JPEG.',
    );
  }
  const {width, height} = await sizeOf(file);
  if (width * height > limits.pixels) {
    throw new Refusal(
      `This image has ${width}x${height} pixels, more than ${limits.pixels / 1e6} million. Make it `
      + 'smaller.',
    );
  }
}

// An image that is not shown knows its size from its header.
async function sizeOf(file) {
  const image = new Image();
  const url = URL.createObjectURL(file);
  try {
    await new Promise((resolve, reject) => {
      image.onload = resolve;
      image.onerror = () => reject(new Refusal(DAMAGED));
      image.src = url;
    });
    return {width: image.naturalWidth, height: image.naturalHeight};
  } finally {
    URL.revokeObjectURL(url);
  }
}

// Pixels as OpenCV has them, blue, green, red, and a bitmap of the same for the screen.
export async function decode(file) {
  let stored;
  try {
    stored = await createImageBitmap(file, AS_STORED);
  } catch {
    throw new Refusal(DAMAGED);
  }
  const {width, height} = stored;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d', {alpha: false, willReadFrequently: true});
  context.fillStyle = '#fff'; // behind what is transparent
  context.fillRect(0, 0, width, height);
  context.drawImage(stored, 0, 0);
  stored.close();
  const pixels = withoutAlpha(context.getImageData(0, 0, width, height).data);
  return {width, height, pixels, bitmap: canvas.transferToImageBitmap()};
}

function withoutAlpha(rgba) {
  const bgr = new Uint8Array((rgba.length / 4) * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    bgr[to] = rgba[from + 2];
    bgr[to + 1] = rgba[from + 1];
    bgr[to + 2] = rgba[from];
  }
  return bgr;
}
