// What an ONNX file of surge_mmdet says of itself, and how damage is found, as
// surge_mmdet/onnx_detector/file.py has it. An ONNX file is a protocol buffer; its entries of
// metadata are fields 14, with key and value as fields 1 and 2, and the last one, sha256, is the
// hash of all bytes before.
import {Refusal} from './refusal.js';

const METADATA = 14;
const AGAIN = 'Copy it again, or export it again.';
const text = new TextDecoder();

// Metadata of a model's bytes, and whether its hash could be checked.
export async function readMetadata(bytes, name, format) {
  const {entries, sealed} = read(bytes);
  const hash = entries.get('sha256');
  if (sealed === null || hash === undefined) {
    throw new Refusal(
      `${name} (${bytes.length} bytes) was cut off, or is no ONNX detector of surge_mmdet. ${AGAIN}`,
    );
  }
  const found = await sha256(bytes.subarray(0, sealed));
  if (found !== null && found !== hash) {
    throw new Refusal(
      `${name} is damaged: its contents are not those that were written (sha256). ${AGAIN}`,
    );
  }
  check(entries, name, format);
  return {entries, checked: found !== null};
}

function check(entries, name, format) {
  if (entries.get('format') !== format.name) {
    throw new Refusal(
      `${name} is another ONNX model: its metadata do not say "${format.name}". Export a detector `
      + 'with tools/deployment/export_onnx.py.',
    );
  }
  const version = entries.get('format_version') ?? '';
  if (!/^\d+$/.test(version) || Number(version) < 1 || Number(version) > format.version) {
    throw new Refusal(
      `${name} has format version ${version}, written by surge_mmdet ${entries.get('surge_mmdet')}; `
      + `this page reads up to ${format.version}. Write the page with that release, or export the `
      + 'detector with this one.',
    );
  }
  if (!entries.has('classes')) {
    throw new Refusal(`${name} lacks classes in its metadata. Export it again.`);
  }
  if (entries.get('input') !== 'uint8') {
    throw new Refusal(
      `${name} leaves resizing to its caller, and this page does none. Export it with --preprocess.`,
    );
  }
}

// Browsers hash only on pages of https and of this device; null elsewhere.
async function sha256(bytes) {
  if (!globalThis.crypto?.subtle) return null;
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

// Entries of the metadata, and where the last one starts; null if it is not the end of the file.
function read(bytes) {
  const entries = new Map();
  let sealed = null;
  for (const {number, start, content} of fields(bytes)) {
    sealed = null;
    if (number === METADATA) {
      const [key, value] = [1, 2].map((part) => textOf(content, part));
      entries.set(key, value);
      if (key === 'sha256') sealed = start;
    } else if (number === null) break;
  }
  return {entries, sealed};
}

function textOf(message, wanted) {
  for (const {number, content} of fields(message)) {
    if (number === wanted && content) return text.decode(content);
  }
  return '';
}

// Fields of a message. The last one has the number null where the message makes no sense.
function* fields(bytes) {
  let at = 0;
  const varint = () => {
    for (let value = 0, scale = 1; at < bytes.length && scale < 2 ** 64; scale *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    return NaN;
  };
  while (at < bytes.length) {
    const start = at;
    const tag = varint();
    const [number, kind] = [Math.floor(tag / 8), tag % 8];
    const value = kind === 0 || kind === 2 ? varint() : NaN;
    const end = kind === 2 ? at + value : at;
    if (Number.isNaN(end) || Number.isNaN(value) || end > bytes.length) {
      yield {number: null, start};
      return;
    }
    yield {number, start, content: kind === 2 ? bytes.subarray(at, end) : null};
    at = end;
  }
}
