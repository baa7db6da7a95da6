// What happens, live. Names and sizes; data only after a question, which the server logs.

import { connection, Failure, stream } from './api.js';
import { ask, sentence } from './dialog.js';
import { el, put } from './dom.js';
import { bytes, clock, count, many } from './format.js';
import { choose, here } from './list.js';
import { poll } from './live.js';

const KINDS = ['in', 'out', 'broadcast', 'ack', 'refused', 'connected', 'recovered',
  'disconnected', 'rejected'];
const SHOWN = 500; // lines kept
const AT_ONCE = 100; // lines drawn at a time
const PACE = 100; // ms from one time to the next

/** hex shows raw bytes, given in base64. @param {string} text */
function hex(text) {
  return [...atob(text)].map((c) => c.charCodeAt(0).toString(16).padStart(2, '0')).join(' ');
}

/** note is what is worth saying of an event besides its columns. */
function note(e) {
  return [
    e.room && `to ${e.room}`, e.kind === 'broadcast' && `${count(e.queued ?? 0)} queued`,
    e.dropped && `${count(e.dropped)} dropped`, e.peer, e.code, e.reason,
  ].filter(Boolean).join(' · ');
}

function line(e) {
  const at = new Date(e.time);
  const place = el('td', { class: 'name' });
  if (e.socket) place.append(el('a', { class: 'id', href: here('socket', { id: e.socket }) },
    e.socket));
  const more = el('td', { class: 'name more' }, note(e));
  if (e.data) {
    more.append(el('code', { class: 'data' }, (e.binary ? hex(e.data) : e.data) +
      (e.cut ? ' …' : '')));
  }
  return el('tr', { 'data-of': e.kind },
    el('td', { class: 'time' }, el('time', { datetime: e.time }, clock(at, true))),
    el('td', {}, el('span', { class: 'tag' }, e.kind)),
    el('td', { class: 'wide' }, e.namespace ?? ''), el('td', { class: 'name' }, e.event ?? ''),
    place, el('td', { class: 'n' }, e.bytes ? bytes(e.bytes) : ''), more);
}

/**
 * screen has the lines, newest first. Ten times a second it draws what has come, only the newest of
 * it if that is too much to read anyway, and tells of each that it skips.
 * @param {() => void} skipped
 */
function screen(skipped) {
  const body = el('tbody');
  const head = ['Time', 'Kind', 'Namespace', 'Event', 'Socket', 'Size', 'More'].map((name) =>
    el('th', { scope: 'col', class: name === 'Namespace' ? 'wide' : name === 'Size' ? 'n' : null },
      name));
  const node = el('div', { class: 'scroll', role: 'region', tabindex: '0', 'aria-label': 'Events' },
    el('table', { class: 'tail', 'aria-label': 'Events, the newest first' },
      el('thead', {}, el('tr', {}, ...head)), body));
  /** @type {any[]} */
  let fresh = [];
  let due = false;
  const draw = () => {
    due = false;
    body.prepend(...fresh.map(line).reverse());
    fresh = [];
    while (body.rows.length > SHOWN) body.rows[body.rows.length - 1].remove();
  };
  node.add = (e) => {
    fresh.push(e);
    if (fresh.length > AT_ONCE) {
      fresh.shift();
      skipped();
    }
    if (due) return;
    due = true;
    setTimeout(draw, PACE);
  };
  node.clear = () => {
    fresh = [];
    body.replaceChildren();
  };
  return node;
}

function chips(chosen) {
  const box = (kind) => el('label', { class: 'chip' },
    el('input', { type: 'checkbox', value: kind, checked: chosen.includes(kind) }),
    el('span', {}, kind));
  const set = el('fieldset', { class: 'chips' },
    el('legend', {}, 'Kinds (none means all)'), ...KINDS.map(box));
  set.chosen = () => [...set.querySelectorAll('input:checked')].map((i) => i.value).join(',');
  return set;
}

function field(id, name, value, placeholder) {
  const input = el('input', {
    id, value, placeholder, spellcheck: 'false', autocomplete: 'off', autocapitalize: 'off',
  });
  return { input, label: el('label', { class: 'field', for: id }, el('span', {}, name), input) };
}

/** consent asks before data is shown. */
function consent() {
  return ask({
    title: 'Show the data of events?', action: 'Show data', danger: true,
    text: 'It may be private. The server logs that you look at it, from where, and with which ' +
      'filter. Credentials are never shown, and of each event 1 KiB at most.',
    run: async () => {},
  });
}

/** tail is the view. */
export function tail(main, params, signal) {
  const of = {
    kinds: chips((params.get('kind') ?? '').split(',')),
    event: field('event', 'Event (move*)', params.get('event') ?? '', 'all'),
    namespace: field('tail-namespace', 'Namespace', params.get('namespace') ?? '', 'all'),
    socket: field('tail-socket', 'Socket', params.get('socket') ?? '', 'all'),
    sample: choose('sample', 'Show', [['', 'All'], ['10', 'One of 10'], ['100', 'One of 100'],
      ['1000', 'One of 1000']], params.get('sample') ?? ''),
  };
  const data = el('input', { type: 'checkbox', id: 'data' });
  const lines = screen(() => follow.skipped());
  const status = el('p', { class: 'note', role: 'status' }, 'Nothing is followed yet.');
  const error = el('p', { class: 'error', role: 'alert' });
  const start = el('button', { class: 'main', id: 'start' }, 'Start');
  const clear = el('button', {
    type: 'button', class: 'plain', onclick: () => lines.clear(),
  }, 'Clear');
  const filter = () => ({
    kind: of.kinds.chosen(), event: of.event.input.value.trim(),
    namespace: of.namespace.input.value.trim(), socket: of.socket.input.value.trim(),
    sample: of.sample.select.value,
  });
  const follow = follower({ lines, status, error, start, filter, data, signal });
  data.addEventListener('change', async () => {
    if (data.checked) {
      data.checked = false; // a tail that goes on meanwhile must not take the question for its answer
      data.checked = await consent();
    }
    follow.again();
  });
  for (const input of [of.kinds, of.event.input, of.namespace.input, of.socket.input,
    of.sample.select]) input.addEventListener('change', follow.again);
  main.append(el('h1', {}, 'Tail'), el('form', {
    class: 'card', onsubmit: (event) => { event.preventDefault(); follow.toggle(); },
  }, of.kinds, el('div', { class: 'filters' }, of.event.label, of.namespace.label, of.socket.label,
    of.sample.label), el('label', { class: 'check', for: 'data' }, data, el('span', {},
    'Show data (the server logs it)')), el('div', { class: 'buttons' }, start, clear)),
  el('section', { class: 'card' }, error, status, lines));
  if (params.get('start')) follow.toggle();
  poll(signal, 5000, () => ['info'], () => {}); // so that a lost connection is found again
}

/** follower starts and ends the stream. */
function follower({ lines, status, error, start, filter, data, signal }) {
  let running = /** @type {AbortController | null} */ (null);
  let seen = 0;
  let missed = 0;
  let told = 0;
  let waiting = false; // for the server to be back
  const tell = () => {
    const text = (missed ? `, and ${count(missed)} were too fast to be shown` : '');
    put(status, `${running ? 'Following' : 'Stopped'}: ${many(seen, 'event')}${text}.`);
  };
  // A screen reader hears how many there were from time to time, not each of them.
  const timer = setInterval(() => {
    if (running && told !== seen + missed) tell();
    told = seen + missed;
  }, 1000);
  const each = (type, e) => {
    if (type === 'missed') missed += e.missed;
    else {
      seen++;
      lines.add(e);
      if (seen === 1) tell();
    }
  };
  const stop = () => {
    running?.abort();
    running = null;
    waiting = false;
    put(start, 'Start');
    tell();
  };
  const run = async () => {
    const mine = running = new AbortController();
    seen = missed = 0;
    put(error, '');
    put(start, 'Stop');
    put(status, 'Connecting');
    const shown = filter();
    history.replaceState(null, '', here('tail', shown));
    try {
      await stream('tail', { ...shown, data: data.checked ? '1' : '' }, mine.signal, tell, each);
      if (running === mine) put(error, 'The server has ended the stream.');
    } catch (failure) {
      if (mine.signal.aborted) return;
      if (!(failure instanceof Failure)) throw failure;
      const hope = failure.lost ? ' It goes on when that is back.' : '';
      put(error, sentence(failure.message) + hope);
      waiting = failure.lost;
    }
    if (running === mine && !waiting) stop();
  };
  connection.addEventListener('online', () => {
    if (!waiting || !running) return;
    waiting = false;
    run();
  }, { signal });
  signal.addEventListener('abort', () => {
    clearInterval(timer);
    running?.abort();
    running = null;
  });
  return {
    skipped: () => {
      missed++;
      seen--;
    },
    toggle: () => { if (running) stop(); else run(); },
    again: () => {
      if (!running) return;
      running.abort();
      waiting = false;
      run();
    },
  };
}
