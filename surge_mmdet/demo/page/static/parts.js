// What the pages share: what they say, how an image comes in, and how boxes are drawn.
export const $ = (id) => document.getElementById(id);
export const megabytes = (bytes) => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 1)} MB`;
export const milliseconds = (ms) => `${ms < 100 ? ms.toFixed(1) : Math.round(ms)} ms`;
let shown = ''; // what the status says while nothing happens

export function say(text, busy = false) {
  $('status').textContent = text;
  document.body.classList.toggle('busy', busy);
}

export function settle(text) {
  shown = text;
  say(text);
}

export function complain(text) {
  say(shown); // the cards still show the image before
  $('error').textContent = text;
  $('error').hidden = false;
}

export function forgive() {
  $('error').hidden = true;
}

export function add(parent, tag, text) {
  const node = document.createElement(tag);
  node.textContent = text;
  parent.append(node);
  return node;
}

export function tellLimits({formats, bytes, pixels}) {
  $('limits').textContent = `${formats.join(', ')}; at most ${bytes / 1e6} MB and `
    + `${pixels / 1e6} million pixels`;
}

// Whether a file is small enough; a complaint otherwise.
export function fits(file, name, most) {
  if (file.size > most) {
    complain(`${name} has ${megabytes(file.size)}; at most ${megabytes(most)} are taken.`);
  }
  return file.size <= most;
}

// A copy of the card, and how to find what is in it.
export function newCard(kind) {
  const card = $('card').content.firstElementChild.cloneNode(true);
  const find = (selector) => card.querySelector(selector);
  card.dataset.kind = kind;
  find('h2').textContent = kind;
  return {card, find};
}

// Calls `take` with a file that is dropped or chosen, and `redraw` when the slider moves.
export function listen(take, redraw) {
  whenChosen('file', take);
  $('score').addEventListener('input', () => {
    $('score-value').textContent = Number($('score').value).toFixed(2);
    redraw();
  });
  $('controls').addEventListener('submit', (event) => event.preventDefault());
  const over = (on) => (event) => {
    event.preventDefault();
    document.body.classList.toggle('dragging', on);
  };
  addEventListener('dragover', over(true));
  addEventListener('dragleave', over(false));
  addEventListener('drop', (event) => {
    over(false)(event);
    const file = event.dataTransfer.files[0];
    if (file) take(file);
  });
}

export function whenChosen(id, take) {
  $(id).addEventListener('change', ({target}) => {
    if (target.files[0]) take(target.files[0]);
    target.value = ''; // the same file can be chosen again
  });
}

// The boxes with at least the slider's score, on the picture and in the table of a card.
export function showBoxes(card, boxes, width, height) {
  const found = boxes.filter((box) => box.score >= Number($('score').value));
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
