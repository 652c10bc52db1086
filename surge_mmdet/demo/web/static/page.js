// Sends the image as the body of a request, and shows what each twin found in it.
import {
  $, add, complain, fits, forgive, listen, megabytes, milliseconds, newCard, say, settle, showBoxes,
  tellLimits,
} from './parts.js';

const WHAT = {
  float: 'every weight and activation real',
  simulated: '1-bit values, kept and computed as floats',
  packed: '1-bit values, kept and computed as bits',
};
const state = {groups: [], limits: null, answer: null, url: null, request: null, last: null};

const times = (ratio) => `${ratio < 10 ? ratio.toFixed(1) : Math.round(ratio)}×`;
const group = () => state.groups.find((each) => each.name === $('model').value);

async function asked(address, options) {
  let answer;
  try {
    answer = await fetch(address, options);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Error('The server does not answer. Is it still running?');
  }
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  throw new Error(told.error ? `Refused: ${told.error}.` : `The server answered ${answer.status}.`);
}

async function detect(blob, name) {
  state.request?.abort();
  const request = (state.request = new AbortController());
  forgive();
  if (!fits(blob, name, state.limits.bytes)) return;
  say(`Detecting in ${name} …`, true);
  state.last = {blob, name};
  try {
    const address = `/api/detect?model=${encodeURIComponent($('model').value)}`;
    const headers = {'Content-Type': blob.type || 'application/octet-stream'};
    const options = {method: 'POST', body: blob, headers, signal: request.signal};
    const answer = await (await asked(address, options)).json();
    if (state.request !== request) return;
    if (state.url) URL.revokeObjectURL(state.url);
    Object.assign(state, {answer, url: URL.createObjectURL(blob)});
    cards(name);
    settle(`${name}, ${answer.width}×${answer.height} pixels`);
  } catch (error) {
    if (error.name !== 'AbortError' && state.request === request) complain(error.message);
  }
}

function cards(name) {
  const {results} = state.answer;
  const twins = group().twins;
  $('cards').replaceChildren(...results.map((result, i) => {
    const {card, find} = newCard(result.kind);
    find('.runs-on').textContent = WHAT[result.kind];
    find('.runs-on').title = twins[i].runs_on;
    find('.time').textContent = milliseconds(result.milliseconds);
    find('.size').textContent = megabytes(twins[i].bytes);
    versus(find('.time-versus'), i, results[0].milliseconds / result.milliseconds, ['as fast', 'as long']);
    versus(find('.size-versus'), i, twins[0].bytes / twins[i].bytes, ['smaller', 'larger']);
    find('img').src = state.url;
    find('img').alt = `${name} with the boxes of the ${result.kind} detector`;
    return card;
  }));
  const runs = twins.map((twin) => `${twin.kind}: ${twin.runs_on}`).join('; ');
  $('about-times').textContent =
    `Times are the median of three runs by turns, with pre- and post-processing (${runs}); `
    + `what else this machine does moves them. Ratios are against the ${results[0].kind} detector.`;
  $('results').hidden = false;
  boxes();
}

function versus(node, place, ratio, [more, less]) {
  const text = ratio > 1 ? `${times(ratio)} ${more}` : `${times(1 / ratio)} ${less}`;
  const same = Math.abs(ratio - 1) < 0.05;
  node.textContent = place === 0 ? 'reference' : same ? 'the same' : text;
  node.classList.toggle('better', place > 0 && ratio >= 1.05);
}

function boxes() {
  if (!state.answer) return;
  const {width, height, results} = state.answer;
  [...$('cards').children].forEach((card, i) => showBoxes(card, results[i].boxes, width, height));
}

function choose() {
  $('detects').textContent = `Finds ${group().detects}.`;
  $('example').hidden = !group().example;
  if (state.last) detect(state.last.blob, state.last.name);
}

async function example() {
  try {
    const answer = await asked(`/api/example/${encodeURIComponent(group().name)}`);
    await detect(await answer.blob(), 'Example');
  } catch (error) {
    complain(error.message);
  }
}

async function start() {
  const {groups, limits} = await (await asked('/api/models')).json();
  Object.assign(state, {groups, limits});
  for (const each of groups) add($('model'), 'option', each.name).value = each.name;
  tellLimits(limits);
  $('model').addEventListener('change', choose);
  $('example').addEventListener('click', example);
  listen((file) => detect(file, file.name), boxes);
  choose();
}

start().catch((error) => complain(error.message));
