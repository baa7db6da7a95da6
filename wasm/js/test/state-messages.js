// Messages of a small state, and a client that only hears: for tests that set the clock and the
// messages themselves. The real encoder is in the tests that go test ./wasm starts.

import { uvarint } from './fake-server.js';

export const schema = JSON.stringify({ v: 1, types: [
  { name: 'Arena', fields: [
    { n: 'phase', k: 'enum', of: ['lobby', 'play'] },
    { n: 'ball', k: 'struct', type: 1 },
    { n: 'players', k: 'map', key: 'string', type: 2 },
    { n: 'boxes', k: 'list', key: 'id', type: 3 },
    { n: 'wins', k: 'map', key: 'int', el: { k: 'uint' } },
  ] },
  { name: 'Ball', fields: [{ n: 'x', k: 'fixed', step: 0.5 }, { n: 'turn', k: 'f64' }] },
  { name: 'Player', fields: [
    { n: 'x', k: 'fixed', step: 0.5 }, { n: 'at', k: 'struct', type: 1 },
    { n: 'items', k: 'map', key: 'string', el: { k: 'uint' } },
  ] },
  { name: 'Box', fields: [{ n: 'id', k: 'uint' }, { n: 'full', k: 'bool' }] },
] });

const zigzag = (n) => uvarint(n < 0 ? -2 * n - 1 : 2 * n);
const text = (s) => Buffer.concat([uvarint(Buffer.from(s).length), Buffer.from(s)]);
const all = (...parts) => Buffer.concat(parts.map((p) => Buffer.isBuffer(p) ? p : Buffer.from([p])));

// struct writes the fields that are not undefined.
function struct(...fields) {
  let mask = 0;
  fields.forEach((f, i) => { if (f !== undefined) mask |= 1 << i; });
  return all(mask, ...fields.filter((f) => f !== undefined));
}

const f64 = (n) => {
  const b = Buffer.alloc(8);
  b.writeDoubleLE(n);
  return b;
};
export const ball = ({ x, turn }) => struct(x === undefined ? x : zigzag(x * 2),
  turn === undefined ? turn : f64(turn));
export const player = ({ x, at, items }) => struct(x === undefined ? x : zigzag(x * 2),
  at && ball(at), items);
export const box = ({ full }) => struct(undefined, full === undefined ? full : Buffer.from([+full]));

// entries writes what goes, and [slot, key, value] of what is new, [slot, value] of what changes.
export function entries(removed, changed, key = text) {
  return all(uvarint(removed.length), ...removed.map(uvarint), uvarint(changed.length),
    ...changed.flatMap(([slot, ...rest]) => rest.length === 2
      ? [uvarint(slot * 2 + 1), key(rest[0]), rest[1]] : [uvarint(slot * 2), rest[0]]));
}
export const list = (removed, changed, order) => all(entries(removed, changed, uvarint),
  order ? all(1, uvarint(order.length), ...order.map(uvarint)) : 0);
export const wins = (removed, changed) => entries(removed, changed, zigzag);

export const root = ({ phase, ball: b, players, boxes, wins: w }) => struct(
  phase === undefined ? phase : uvarint(phase), b && ball(b), players, boxes, w);

const bytes = (b) => new Uint8Array(b).buffer;
// Times are in milliseconds, as clients show them.
export const snapshot = (tick, time, step, fields = {}, { input, text: t = schema } = {}) => bytes(all(
  1 | (t ? 0x10 : 0) | (input === undefined ? 0 : 0x20), uvarint(tick), uvarint(time * 1000),
  uvarint(step * 1000), t ? text(t) : all(), input === undefined ? all() : uvarint(input), root(fields)));
export const delta = (tick, age, fields = {}, { input, sum } = {}) => bytes(all(
  2 | (input === undefined ? 0 : 0x20) | (sum === undefined ? 0 : 0x40), uvarint(tick), uvarint(age),
  input === undefined ? all() : uvarint(input), sum === undefined ? all() : Buffer.from(sum),
  root(fields)));
export const end = (tick) => bytes(all(3, uvarint(tick)));

// Hearer is what a state needs of a client.
export class Hearer {
  connected = true;
  sent = [];
  clockOffset = 0;
  listeners = new Map();
  on(event, listener) { this.listeners.set(event, [...this.listeners.get(event) ?? [], listener]); }
  off(event, listener) {
    this.listeners.set(event, this.listeners.get(event).filter((l) => l !== listener));
  }
  emit(...args) { this.sent.push(args); return true; }
  getStats() { return { clockOffset: this.clockOffset }; }
  raise(event, data) { this.listeners.get(event)?.forEach((listener) => listener(data)); }
}
