// One socket.

import { disconnect, leave } from './actions.js';
import { el, keyed, put } from './dom.js';
import { sentence } from './dialog.js';
import { bytes, count, many, ms, rate, span } from './format.js';
import { here } from './list.js';
import { poll } from './live.js';
import { spark } from './spark.js';

/** pairs is a card of names and values; show gets a list of [name, value]. */
function pairs(title) {
  const list = el('dl', { class: 'pairs' });
  const node = el('section', { class: 'card' }, el('h2', {}, title), list);
  const make = () => {
    const term = el('dt', {});
    const what = el('dd', {});
    const pair = el('div', {}, term, what);
    pair.update = ([k, v]) => { put(term, k); put(what, v); };
    return pair;
  };
  node.show = (items) => keyed(list, items, ([k]) => k, make);
  return node;
}

/** measure is a figure with a curve. */
function measure(title, kind) {
  const value = el('output', { class: 'value' }, '–');
  const curve = spark(kind);
  const note = el('p', { class: 'note' });
  const node = el('section', { class: 'card figure', 'aria-label': title }, el('h2', {}, title),
    value, curve, note);
  node.show = (text, point, more) => {
    put(value, text);
    put(note, more);
    curve.add(point);
  };
  return node;
}

function roomList(of) {
  const list = el('ul', { class: 'rooms' });
  const none = el('p', { class: 'note' });
  const make = (name) => {
    const row = el('li', {}, el('a', {}, name),
      el('button', {
        type: 'button', class: 'plain', onclick: () => leave(of(), name),
      }, 'Leave…'));
    row.querySelector('button').setAttribute('aria-label', `Leave ${name}`);
    row.update = () => row.querySelector('a').setAttribute('href',
      here('room', { namespace: of().namespace, room: name }));
    return row;
  };
  const node = el('section', { class: 'card' }, el('h2', {}, 'Rooms'), list, none);
  node.show = (s) => {
    keyed(list, s.roomNames, (name) => name, make);
    put(none, s.roomNames.length ? '' : 'It is in no room.');
  };
  return node;
}

/** counted is how fast a counter grew since the last look. */
function counter() {
  let before = /** @type {any} */ (null);
  return (c) => {
    const old = before;
    before = c;
    const seconds = old ? (c.sinceMs - old.sinceMs) / 1000 : 0;
    if (!(seconds > 0)) return { in: null, out: null };
    return {
      in: Math.max(0, c.in - old.in) / seconds, out: Math.max(0, c.out - old.out) / seconds,
    };
  };
}

const authentication = { 'not needed': 'not needed', missing: 'still missing', done: 'done' };

function details(s) {
  return [
    ['Identity', s.identity || '–'], ['Namespace', s.namespace], ['Address', s.address || '–'],
    ['State', s.connected ? 'present' : 'away'],
    ['Authentication', authentication[s.auth] ?? s.auth],
    ['Speaks', s.plain ? 'plain JSON text' : 'the binary protocol'],
    ['Clock', s.clockOffsetMs === 0 ? 'not known'
      : `${ms(Math.abs(s.clockOffsetMs))} ${s.clockOffsetMs > 0 ? 'ahead' : 'behind'}`],
    ['Runs now', s.handler ? `the handler of ${s.handler}` : 'nothing'],
  ];
}

function session(s) {
  return [
    ['Outlives its connection', s.session.resumable ? 'yes' : 'no'],
    ['Connections so far', count(s.session.connection)],
    ['Kept for a return', s.session.resumable
      ? `${many(s.session.keptEvents, 'event')}, ${bytes(s.session.keptBytes)}` : '–'],
  ];
}

/** socket is the view. */
export function socket(main, params, signal) {
  const id = params.get('id') ?? '';
  let now = /** @type {any} */ (null);
  const name = el('span', {});
  const title = el('h1', {}, name, ' ', el('span', { class: 'soft id' }, id));
  const gone = el('p', { class: 'empty', role: 'status' });
  const kick = el('button', { type: 'button', class: 'danger', onclick: () => disconnect(now) },
    'Disconnect…');
  const trip = measure('Round trip', 'second');
  const outbox = measure('Outbox', '');
  const incoming = measure('Messages in', '');
  const outgoing = measure('Messages out', 'second');
  const about = pairs('Socket');
  const kept = pairs('Session');
  const rooms = roomList(() => now);
  const grow = counter();
  const body = el('div', { class: 'stack' },
    el('div', { class: 'figures' }, trip, outbox, incoming, outgoing),
    el('div', { class: 'row' }, about, el('div', { class: 'stack' }, kept, rooms)));
  body.hidden = kick.hidden = gone.hidden = true;
  main.append(el('p', { class: 'crumbs' }, el('a', { href: '#/sockets' }, 'Sockets')),
    el('div', { class: 'head' }, title, el('div', { class: 'buttons' },
      el('a', { class: 'button', href: here('tail', { socket: id, start: '1' }) }, 'Tail'), kick)),
    gone, body);
  const ended = (text) => {
    gone.hidden = false;
    kick.hidden = true;
    put(gone, text);
  };
  poll(signal, 1000, () => [`sockets/${encodeURIComponent(id)}`], (s) => {
    now = s;
    put(name, s.identity ?? '');
    const speed = grow(s.counters);
    const since = `${count(s.counters.in)} in ${span(s.counters.sinceMs)}`;
    trip.show(s.rttMs ? ms(s.rttMs) : '–', s.rttMs || null, 'of the last heartbeat');
    outbox.show(bytes(s.outboxBytes), s.outboxBytes,
      `${bytes(s.heldBytes)} held back, ${bytes(s.waitingBytes)} wait for handlers`);
    incoming.show(speed.in === null ? '–' : `${rate(speed.in)}/s`, speed.in, since);
    outgoing.show(speed.out === null ? '–' : `${rate(speed.out)}/s`, speed.out,
      `${count(s.counters.out)} in ${span(s.counters.sinceMs)}`);
    about.show(details(s));
    kept.show(session(s));
    rooms.show(s);
    body.hidden = kick.hidden = false;
    gone.hidden = s.connected;
    put(gone, s.connected ? '' : 'Its client is away. The session waits for it.');
  }, (failure) => {
    ended(failure.status !== 404 ? sentence(failure.message) : now
      ? 'This socket has ended. What is shown is the last that was known of it.'
      : 'There is no such socket on this node: it may have ended, or be on another one.');
  });
}
