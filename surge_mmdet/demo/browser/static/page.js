// Detects in this browser, by a worker beside this script, and shows what was found.
import {Detector} from './detector.js';
import {check} from './image_file.js';
import {
  $, complain, fits, forgive, listen, megabytes, milliseconds, newCard, say, settle, showBoxes,
  tellLimits, whenChosen,
} from './parts.js';

const MOST_OF_A_MODEL = 500e6;
const state = {settings: null, detector: null, about: null, answer: null, last: null};
// The newest of each; older ones are dropped. `own` is the model that comes with the page.
const pending = {model: null, own: null, image: null};
let running = false;
let loading = true; // the page's own model is on its way

// One after the other: a worker has one model and computes one image at a time.
async function work() {
  if (running) return;
  running = true;
  for (let kind = next(); kind; kind = next()) {
    const {file, name} = pending[kind];
    pending[kind] = null;
    if (kind !== 'own') forgive(); // nobody chose it: what was told before is still to be read
    try {
      await (kind === 'image' ? detect(file, name) : openModel(file, name, kind === 'own'));
    } catch (error) {
      complain(error.message);
    }
  }
  running = false;
}

// What is to be done first. Images wait until there is a model.
function next() {
  if (!state.detector) return undefined;
  return ['model', 'own', ...(state.about ? ['image'] : [])].find((kind) => pending[kind]);
}

function take(file, name = file.name) {
  if (name.toLowerCase().endsWith('.onnx')) return takeModel(file);
  pending.image = {file, name};
  if (!state.about && !loading && !running) complain('There is no detector yet. Open an ONNX file.');
  return work();
}

function takeModel(file) {
  pending.model = {file, name: file.name};
  return work();
}

async function openModel(file, name, own) {
  if (own && state.about) return; // a model was chosen before this one was here
  if (!fits(file, name, MOST_OF_A_MODEL)) return;
  say(`Opening ${name} …`, true);
  const about = await state.detector.open(file, name);
  state.about = {...about, name: own ? state.settings.name : name.replace(/\.onnx$/i, '')};
  $('name').textContent = state.about.name;
  $('detects').textContent = `Finds ${own ? state.settings.detects : about.classes.join(', ')}.`;
  settle(`${state.about.name} is ready, ${megabytes(about.bytes)}`);
  pending.image ??= state.last; // the same image by the new detector
}

async function detect(file, name) {
  const {limits} = state.settings;
  if (!fits(file, name, limits.bytes)) return;
  say(`Detecting in ${name} …`, true);
  await check(file, limits);
  state.answer = await state.detector.detect(file);
  state.last = {file, name};
  show(name);
  settle(`${name}, ${state.answer.width}×${state.answer.height} pixels`);
}

function show(name) {
  const {about, answer, settings} = state;
  const {card, find} = newCard(about.name);
  const threads = about.threads === 1 ? '1 thread' : `${about.threads} threads`;
  find('.runs-on').textContent = `ONNX Runtime Web ${settings.runtime}, WebAssembly, ${threads}`;
  find('.time').textContent = milliseconds(answer.milliseconds);
  find('.size').textContent = megabytes(about.bytes);
  const canvas = find('canvas');
  canvas.setAttribute('aria-label', `${name} with the boxes of the detector`);
  Object.assign(canvas, {width: answer.width, height: answer.height});
  canvas.getContext('bitmaprenderer').transferFromImageBitmap(answer.bitmap);
  $('cards').replaceChildren(card);
  $('about-times').textContent =
    'The time is that of one run, with resizing and suppression, which are inside of the ONNX '
    + 'file; decoding the image is not in it. The first run takes longer.'
    + (about.checked ? '' : ' The hash of the file was not checked: browsers offer that on https '
      + 'and localhost only.');
  $('results').hidden = false;
  boxes();
}

function boxes() {
  if (!state.answer) return;
  const {width, height, boxes: found} = state.answer;
  showBoxes($('cards').firstElementChild, found, width, height);
}

async function fetched(name) {
  const answer = await fetch(name).catch(() => ({status: 'nothing'}));
  if (answer.ok) return answer;
  throw new Error(`The server answered ${answer.status} for ${name}. Write the page again.`);
}

async function start() {
  say('Loading the detector …', true);
  whenChosen('model', takeModel);
  listen(take, boxes);
  const settings = (state.settings = await (await fetched('settings.json')).json());
  state.detector = new Detector(settings.format);
  tellLimits(settings.limits);
  $('example').hidden = !settings.example;
  $('example').addEventListener('click', () => {
    fetched(settings.example).then((answer) => answer.blob())
      .then((file) => take(file, 'Example')).catch((error) => complain(error.message));
  });
  work(); // on what was chosen meanwhile
  try {
    pending.own = {file: await (await fetched(settings.model)).blob(), name: settings.model};
  } finally {
    loading = false;
  }
  await work();
}

start().catch((error) => complain(error.message));
