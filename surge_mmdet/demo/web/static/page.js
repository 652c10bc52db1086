// Sends the image as the body of a request, and shows what each twin found in it.
const $ = (id) => document.getElementById(id);
const WHAT = {
  float: 'every weight and activation real',
  simulated: '1-bit values, kept and computed as floats',
  packed: '1-bit values, kept and computed as bits',
};
const state = {groups: [], limits: null, answer: null, url: null, request: null, last: null, shown: ''};

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 1)} MB`;
const milliseconds = (ms) => `${ms < 100 ? ms.toFixed(1) : Math.round(ms)} ms`;
const times = (ratio) => `${ratio < 10 ? ratio.toFixed(1) : Math.round(ratio)}×`;
const group = () => state.groups.find((each) => each.name === $('model').value);
const shown = (result) => result.boxes.filter((box) => box.score >= Number($('score').value));

function say(text, busy = false) {
  $('status').textContent = text;
  document.body.classList.toggle('busy', busy);
}

function complain(text) {
  say(state.shown); // the cards still show the image before
  $('error').textContent = text;
  $('error').hidden = false;
}

function add(parent, tag, text) {
  const node = document.createElement(tag);
  node.textContent = text;
  parent.append(node);
  return node;
}

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
  $('error').hidden = true;
  if (blob.size > state.limits.bytes) {
    complain(`${name} has ${megabytes(blob.size)}; at most ${megabytes(state.limits.bytes)} are taken.`);
    return;
  }
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
    state.shown = `${name}, ${answer.width}×${answer.height} pixels`;
    say(state.shown);
  } catch (error) {
    if (error.name !== 'AbortError' && state.request === request) complain(error.message);
  }
}

function cards(name) {
  const {results} = state.answer;
  const twins = group().twins;
  $('cards').replaceChildren(...results.map((result, i) => {
    const card = $('card').content.firstElementChild.cloneNode(true);
    const find = (selector) => card.querySelector(selector);
    card.dataset.kind = result.kind;
    find('h2').textContent = result.kind;
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
  [...$('cards').children].forEach((card, i) => {
    const found = shown(results[i]);
    card.querySelector('.count').textContent = found.length;
    card.querySelector('.boxes').replaceChildren(
      ...found.toReversed().map((box) => drawn(box, width, height)), // the most certain on top
    );
    const rows = found.map((box) => {
      const row = document.createElement('tr');
      [box.name, box.score.toFixed(2), ...box.box.map(Math.round)].forEach((v) => add(row, 'td', v));
      return row;
    });
    card.querySelector('tbody').replaceChildren(...rows);
  });
}

function drawn({label, name, score, box: [left, top, right, bottom]}, width, height) {
  const node = document.createElement('div');
  const percent = (value, whole) => `${(100 * value) / whole}%`;
  node.className = 'box';
  node.classList.toggle('at-top', top < 0.07 * height);
  node.classList.toggle('at-right', left > 0.75 * width);
  node.style.left = percent(left, width);
  node.style.top = percent(top, height);
  node.style.width = percent(right - left, width);
  node.style.height = percent(bottom - top, height);
  node.style.setProperty('--hue', `oklch(0.83 0.17 ${(label * 137.5 + 140) % 360})`);
  add(node, 'span', `${name} ${Math.round(100 * score)}`);
  return node;
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

function dropping() {
  const over = (on) => (event) => {
    event.preventDefault();
    document.body.classList.toggle('dragging', on);
  };
  addEventListener('dragover', over(true));
  addEventListener('dragleave', over(false));
  addEventListener('drop', (event) => {
    over(false)(event);
    const file = event.dataTransfer.files[0];
    if (file) detect(file, file.name);
  });
}

async function start() {
  const {groups, limits} = await (await asked('/api/models')).json();
  Object.assign(state, {groups, limits});
  for (const each of groups) add($('model'), 'option', each.name).value = each.name;
  $('limits').textContent = `${limits.formats.join(', ')}; at most ${limits.bytes / 1e6} MB and `
    + `${limits.pixels / 1e6} million pixels`;
  $('model').addEventListener('change', choose);
  $('example').addEventListener('click', example);
  $('file').addEventListener('change', ({target}) => {
    if (target.files[0]) detect(target.files[0], target.files[0].name);
    target.value = ''; // the same file can be chosen again
  });
  $('score').addEventListener('input', () => {
    $('score-value').textContent = Number($('score').value).toFixed(2);
    boxes();
  });
  $('controls').addEventListener('submit', (event) => event.preventDefault());
  dropping();
  choose();
}

start().catch((error) => complain(error.message));
