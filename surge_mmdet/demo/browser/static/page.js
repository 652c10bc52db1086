// Detects in this browser, by a worker beside this script, and shows what was found.
import {Detector} from './detector.js';
import {check} from './image_file.js';
import {
  $, complain, fits, forgive, listen, megabytes, milliseconds, newCard, say, settle, showBoxes,
  tellLimits, whenChosen,
} from './parts.js';

const MOST_OF_A_MODEL = 500e6;
const state = {settings: null, detector: null, about: null, answer: null, last: null};
const pending = {model: null, image: null}; // the newest of each; older ones are dropped
let running = false;

// One after the other: a worker has one model and computes one image at a time.
async function work() {
  if (running) return;
  running = true;
  while (pending.model || pending.image) {
    const kind = pending.model ? 'model' : 'image';
    const {file, name} = pending[kind];
    pending[kind] = null;
    forgive();
    try {
      await (kind === 'model' ? openModel(file, name) : detect(file, name));
    } catch (error) {
      complain(error.message);
    }
  }
  running = false;
}

function take(file, name = file.name) {
  const model = name.toLowerCase().endsWith('.onnx');
  pending[model ? 'model' : 'image'] = {file, name};
  work();
}

function takeModel(file) {
  pending.model = {file, name: file.name};
  work();
}

async function openModel(file, name) {
  if (!fits(file, name, MOST_OF_A_MODEL)) return;
  say(`Opening ${name} …`, true);
  const about = await state.detector.open(file, name);
  const own = state.about === null; // the first is the one that comes with the page
  state.about = {...about, name: own ? state.settings.name : name.replace(/\.onnx$/i, '')};
  $('name').textContent = state.about.name;
  $('detects').textContent = `Finds ${own ? state.settings.detects : about.classes.join(', ')}.`;
  settle(`${state.about.name} is ready, ${megabytes(about.bytes)}`);
  pending.image ??= state.last; // the same image by the new detector
}

async function detect(file, name) {
  const {limits} = state.settings;
  if (!state.about) throw new Error('There is no detector yet. Open an ONNX file.');
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
  const settings = (state.settings = await (await fetched('settings.json')).json());
  state.detector = new Detector(settings.format);
  tellLimits(settings.limits);
  $('example').hidden = !settings.example;
  $('example').addEventListener('click', () => {
    fetched(settings.example).then((answer) => answer.blob())
      .then((file) => take(file, 'Example')).catch((error) => complain(error.message));
  });
  whenChosen('model', takeModel);
  listen(take, boxes);
  pending.model = {file: await (await fetched(settings.model)).blob(), name: settings.model};
  await work();
}

start().catch((error) => complain(error.message));
