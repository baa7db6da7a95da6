// What follows from the figures of the overview: rates, the last minute's distributions, and what
// the operator should look at.

import { bytes, count, many, ms, words } from './format.js';

const MINUTE = 60_000;

/** History has the overviews of the last minute. */
export class History {
  /** @type {{ at: number, o: any }[]} */
  #list = [];

  /** add takes the newest overview. One of a server that has started anew begins anew. */
  add(o) {
    const at = performance.now();
    const before = this.#list[this.#list.length - 1];
    if (before && o.info.uptimeMs < before.o.info.uptimeMs) this.#list = [];
    this.#list.push({ at, o });
    while (this.#list.length > 2 && at - this.#list[1].at > MINUTE) this.#list.shift();
  }

  get #newest() {
    return this.#list[this.#list.length - 1];
  }

  /** perSecond is how fast a counter of connections grows; null before the second look. */
  perSecond(name) {
    const before = this.#list[this.#list.length - 2];
    if (!before) return null;
    const { at, o } = this.#newest;
    const more = Math.max(0, o.connections[name] - before.o.connections[name]);
    return more / ((at - before.at) / 1000);
  }

  /**
   * grown is by how much a figure has grown within the last minute.
   * @param {(o: any) => number} of
   */
  grown(of) {
    return Math.max(0, of(this.#newest.o) - of(this.#list[0].o));
  }

  /** times is what a distribution of the last minute says, in ms; p99 is an upper bound. */
  times(name) {
    const newest = this.#newest.o.times;
    const b = newest[name];
    const a = this.#list.length > 1 ? this.#list[0].o.times[name]
      : { count: 0, sumMs: 0, below: b.below.map(() => 0) };
    const n = b.count - a.count;
    if (n <= 0) return { n: 0, mean: 0, p99: 0 };
    const i = b.below.findIndex((below, i) => below - a.below[i] >= 0.99 * n);
    return { n, mean: (b.sumMs - a.sumMs) / n, p99: i < 0 ? Infinity : newest.boundsMs[i] };
  }
}

function ranked(list) {
  return list.filter((item) => item.total > 0).sort((a, b) => b.total - a.total);
}

/** refusals are the refused connections by cause, the most frequent first. */
export function refusals(o, history) {
  return ranked(Object.entries(o.connections.refusals ?? {}).map(([cause, total]) => ({
    name: words(cause), total, fix: o.fixes?.[cause] ?? '',
    recent: history.grown((x) => x.connections.refusals?.[cause] ?? 0),
  })));
}

const lost = {
  volatileDropped: 'volatile events, client behind',
  stateReplaced: 'states, replaced by newer ones',
  deadlineExpired: 'events past their deadline',
  heldDropped: 'held events, too many or client left',
  overflows: 'events at a full mailbox', rateLimited: 'events over a rate limit',
  rejectedEvents: 'events refused by middleware', unhandled: 'events without a handler',
  undecodable: 'events that cannot be read', discarded: 'events of lost connections',
  slowConsumers: 'clients cut: too slow', idleCloses: 'clients cut: silent',
  overBudget: 'clients cut: over the memory budget', floods: 'clients cut: flood',
};

/** drops are the events that were dropped and the clients that were cut, by reason. */
export function drops(o, history) {
  return ranked(Object.entries(lost).map(([field, name]) => ({
    name, total: o.connections[field], recent: history.grown((x) => x.connections[field]),
  })));
}

/** attention lists what needs it, the worst first. */
export function attention(o, history) {
  const list = [];
  const add = (key, kind, text) => list.push({ key, kind, text });
  const { info, connections: c, limits } = o;
  if (!info.healthy) add('health', 'bad', `Not healthy: ${info.unhealthyReason}`);
  if (!info.ready) add('ready', 'warn', `Takes no new clients: ${info.notReadyReason}`);
  if (o.cluster && o.nodes.cluster !== 'connected') {
    add('broker', 'bad', `The broker is ${o.nodes.cluster}: broadcasts do not reach all nodes.`);
  }
  for (const n of o.nodes.nodes) {
    if (!n.self && !n.present && !n.left) {
      add(`node ${n.node}`, 'bad', `Node ${n.node} is silent, last heard ${ms(n.heardMs)} ago.`);
    }
  }
  const panics = history.grown((x) => x.connections.handlerPanics);
  if (panics) {
    add('panics', 'bad', `${many(panics, 'handler')} panicked in the last minute: see the log.`);
  }
  crowded(add, c, limits, history);
  const [first] = refusals(o, history).sort((a, b) => b.recent - a.recent);
  const refused = refusals(o, history).reduce((sum, item) => sum + item.recent, 0);
  if (refused) {
    add('refusals', 'warn', `${many(refused, 'connection')} refused in the last minute, ` +
      `${first.recent < refused ? 'most of them ' : ''}because of ${first.name}` +
      `${first.fix ? `: ${first.fix}` : ''}.`);
  }
  const cut = history.grown((x) => x.connections.slowConsumers + x.connections.floods +
    x.connections.overBudget);
  if (cut) add('cut', 'warn', `${many(cut, 'client')} cut in the last minute.`);
  return list;
}

/** crowded adds what is near its limit, or too slow. */
function crowded(add, c, limits, history) {
  if (limits.connections > 0 && c.open >= 0.8 * limits.connections) {
    add('connections', 'warn', `${count(c.open)} of ${count(limits.connections)} connections are ` +
      'taken (maxConnections).');
  }
  const memory = c.outboxBytes + c.bufferedBytes;
  if (limits.bufferedBytes > 0 && memory >= 0.8 * limits.bufferedBytes) {
    add('memory', 'warn', `${bytes(memory)} of ${bytes(limits.bufferedBytes)} wait in buffers ` +
      '(maxBufferedBytes): who holds most is cut.');
  }
  const lag = history.times('loopLag');
  if (lag.n && lag.p99 > 50) {
    add('lag', 'warn', `Event loops are held up: 99 % of tasks begin within ${ms(lag.p99)} only. ` +
      'Look for slow inline handlers.');
  }
  if (history.grown((x) => x.connections.workerStalls)) {
    add('workers', 'warn', `${many(c.socketsWaiting, 'socket')} wait for a goroutine: handlers ` +
      'are slow, or there are too few workers.');
  }
  if (history.grown((x) => x.connections.acceptPauses)) {
    add('descriptors', 'bad', 'File descriptors ran out: raise the limit of open files.');
  }
}
