// Detects beside the page, so that the page can answer in the meantime.
import * as ort from './ort.wasm.min.js';
import {decode} from './image_file.js';
import {readMetadata} from './model_file.js';
import {Refusal} from './refusal.js';

const LEAST = 0.05; // score of a box that is sent; the page shows those above its slider
const here = (name) => new URL(name, import.meta.url).href;
ort.env.wasm.wasmPaths = {
  mjs: here('ort-wasm-simd-threaded.js'),
  wasm: here('ort-wasm-simd-threaded.wasm'),
};
ort.env.logLevel = 'error';
let session = null;
let classes = [];

const jobs = {
  async open({file, name, format}) {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const {entries, checked} = await readMetadata(bytes, name, format);
    const next = await ort.InferenceSession.create(bytes, {executionProviders: ['wasm']});
    await session?.release();
    session = next;
    classes = JSON.parse(entries.get('classes'));
    return [{classes, checked, bytes: bytes.length, threads: ort.env.wasm.numThreads}];
  },

  async detect({file}) {
    const {width, height, pixels, bitmap} = await decode(file);
    const image = new ort.Tensor('uint8', pixels, [height, width, 3]);
    const start = performance.now();
    const found = await session.run({image});
    const spent = performance.now() - start;
    return [{width, height, bitmap, milliseconds: spent, boxes: boxesOf(found)}, [bitmap]];
  },
};

function boxesOf({boxes, scores, labels}) {
  const found = [];
  scores.data.forEach((score, i) => {
    const label = Number(labels.data[i]);
    const box = Array.from(boxes.data.subarray(4 * i, 4 * i + 4));
    if (score >= LEAST) found.push({label, name: classes[label], score, box});
  });
  return found;
}

onmessage = async ({data: {job, ...what}}) => {
  try {
    const [answer, moved = []] = await jobs[job](what);
    postMessage({answer}, moved);
  } catch (error) {
    postMessage({error: error.message ?? String(error), refused: error instanceof Refusal});
  }
};
