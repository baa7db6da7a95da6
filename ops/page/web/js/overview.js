// The first view: is this node well, what does it do, and what did it refuse or drop.

import { byId, el, keyed, put, table } from './dom.js';
import { bytes, count, many, ms, rate, span } from './format.js';
import { attention, drops, History, refusals } from './figures.js';
import { poll } from './live.js';
import { spark } from './spark.js';

const EVERY = 2000; // ms between two looks

/** figure is one number with its name, a curve if it has one, and a note below. */
function figure(name, curve) {
  const value = el('output', { class: 'value' }, '–');
  const note = el('p', { class: 'note' });
  const node = el('section', { class: 'card figure', 'aria-label': name },
    el('h2', {}, name), value, curve, note);
  node.set = (text, more = '', kind = '') => {
    put(value, text);
    put(note, more);
    node.dataset.kind = kind;
  };
  return node;
}

/** bars is a list of causes with their numbers, or a sentence if there are none. */
function bars(title, none) {
  const list = el('ul', { class: 'bars' });
  const empty = el('p', { class: 'note' }, none);
  const node = el('section', { class: 'card' }, el('h2', {}, title), empty, list);
  const make = () => {
    const name = el('span', {});
    const total = el('span', { class: 'n' });
    const recent = el('span', { class: 'n soft' });
    const bar = el('meter', { min: '0', 'aria-hidden': 'true' });
    const fix = el('span', { class: 'note' });
    const row = el('li', {}, name, total, recent, bar, fix);
    row.update = (item) => {
      put(name, item.name);
      put(total, count(item.total));
      put(recent, item.recent > 0 ? `+${count(item.recent)} in a minute` : '');
      put(fix, item.fix ?? '');
      bar.max = item.most;
      bar.value = item.total;
    };
    return row;
  };
  node.show = (items) => {
    const most = Math.max(1, ...items.map((item) => item.total));
    empty.hidden = items.length > 0;
    list.hidden = items.length === 0;
    keyed(list, items.map((item) => ({ ...item, most })), (item) => item.name, make);
  };
  return node;
}

function nodeTable() {
  const received = (of) => (cell, n) => put(cell, n.self ? '–' : count(n[of]));
  return table('Nodes', [
    ['Node', '', (cell, n) => put(cell, n.node || '–')],
    ['State', '', (cell, n) => {
      put(cell, n.self ? 'this node' : n.left ? 'left' : n.present ? 'present' : 'silent');
      cell.dataset.kind = n.present ? 'good' : n.left ? '' : 'bad';
    }],
    ['Heard', 'n', (cell, n) => put(cell, n.self ? '–' : `${ms(n.heardMs)} ago`)],
    ['Received', 'n', received('received')],
    ['Missed', 'n', received('missed')],
    ['Late', 'n wide', received('late')],
  ], (n) => n.node);
}

function health() {
  const ready = el('strong', {});
  const reason = el('p', {});
  const list = el('dl', { class: 'pairs' });
  const node = el('section', { class: 'card health', role: 'status', 'aria-label': 'Readiness' },
    ready, reason);
  const about = el('section', { class: 'card about', 'aria-label': 'This node' }, list);
  const make = () => {
    const term = el('dt', {});
    const what = el('dd', {});
    const pair = el('div', {}, term, what);
    pair.update = ([k, v]) => { put(term, k); put(what, v); };
    return pair;
  };
  const show = (info, server) => {
    const bad = !info.healthy ? info.unhealthyReason : !info.ready ? info.notReadyReason : '';
    node.dataset.kind = !info.healthy ? 'bad' : !info.ready ? 'warn' : 'good';
    put(ready, !info.healthy ? 'Not healthy' : info.ready ? 'Ready' : 'Not ready');
    put(reason, bad || 'It takes new clients, and every event loop answers.');
    keyed(list, [
      ['Node', info.node || 'alone'], ['Up for', span(info.uptimeMs)],
      ...(info.address ? [['Clients at', info.address]] : []),
      ['Memory', bytes(server.memoryBytes)],
      ['Version', info.version + (info.revision ? ` (${info.revision.slice(0, 9)})` : '')],
      ['Go', info.go.replace(/^go/, '')],
    ], ([k]) => k, make);
  };
  return { node, about, show };
}

/** concerns lists what the operator should look at. */
function concerns() {
  const list = el('ul', { class: 'concerns', role: 'status' });
  const make = () => {
    const row = el('li', {});
    row.update = (c) => { row.dataset.kind = c.kind; put(row, c.text); };
    return row;
  };
  const node = el('section', { class: 'card', 'aria-label': 'Attention' },
    el('h2', {}, 'Attention'), list);
  node.show = (items) => keyed(list, items.length ? items
    : [{ key: 'none', kind: 'good', text: 'Nothing needs attention.' }], (c) => c.key, make);
  return node;
}

function figures() {
  const curves = {
    open: spark(), in: spark(), out: spark('second'), rtt: spark('second'), lag: spark(),
    busy: spark('second'), waits: spark(), away: spark('second'),
  };
  const all = {
    connections: figure('Connections', curves.open), in: figure('Messages in', curves.in),
    out: figure('Messages out', curves.out), rtt: figure('Round trip', curves.rtt),
    lag: figure('Loop lag', curves.lag), handlers: figure('Handlers', curves.busy),
    waits: figure('Waiting for clients', curves.waits),
    sessions: figure('Sessions away', curves.away),
  };
  const node = el('div', { class: 'figures' }, ...Object.values(all));
  return { node, show: (o, h) => showFigures(all, curves, o, h) };
}

function showFigures(all, curves, o, h) {
  const c = o.connections;
  const full = o.limits.connections > 0 ? c.open / o.limits.connections : 0;
  curves.open.add(c.open);
  all.connections.set(count(c.open), `of ${count(o.limits.connections)} at most, peak ` +
    count(c.peak), full >= 0.8 ? 'warn' : '');
  const [incoming, outgoing] = [h.perSecond('messagesIn'), h.perSecond('messagesOut')];
  curves.in.add(incoming);
  curves.out.add(outgoing);
  all.in.set(`${rate(incoming ?? o.server.messagesInPerSecond)}/s`,
    `${bytes(h.perSecond('bytesIn') ?? 0)}/s`);
  all.out.set(`${rate(outgoing ?? o.server.messagesOutPerSecond)}/s`,
    `${bytes(h.perSecond('bytesOut') ?? 0)}/s`);
  times(all.rtt, curves.rtt, h.times('roundTrip'), 'heartbeats', 1000);
  times(all.lag, curves.lag, h.times('loopLag'), 'looks', 50);
  const inline = h.times('inline');
  const queued = h.times('queued');
  curves.busy.add(c.workersBusy);
  curves.waits.add(c.outboxBytes + c.bufferedBytes);
  curves.away.add(c.away);
  all.handlers.set(`${count(c.workersBusy)} busy`,
    `of ${count(c.workers)}; ${average('inline', inline)}, ${average('queued', queued)}`,
    c.socketsWaiting > 0 ? 'warn' : '');
  all.waits.set(bytes(c.outboxBytes), `${many(c.heldEvents, 'event')} held back, ` +
    `${bytes(c.bufferedBytes)} buffered`);
  all.sessions.set(count(c.away), `${count(c.resumed)} resumed, ${count(c.notResumed)} in vain, ` +
    many(c.gaps, 'gap'));
}

/** average is the mean time of handlers that run in a mode. */
function average(mode, t) {
  return t.n ? `${mode} ${ms(t.mean)}` : `none ${mode}`;
}

/** times shows a distribution of the last minute; p99 above limit is worth a look. */
function times(node, curve, t, what, limit) {
  curve.add(t.n ? t.mean : null);
  if (t.n === 0) node.set('–', `No ${what} in the last minute`);
  else node.set(ms(t.mean), `99 % within ${ms(t.p99)}`, t.p99 > limit ? 'warn' : '');
}

/** overview is the view. */
export function overview(main, _params, signal) {
  const history = new History();
  const well = health();
  const look = concerns();
  const board = figures();
  const refused = bars('Refused connections', 'Nothing was refused.');
  const dropped = bars('Dropped and cut', 'Nothing was dropped, and nobody was cut.');
  const nodes = nodeTable();
  const cluster = el('span', { class: 'soft' });
  main.append(el('h1', { class: 'hidden' }, 'Overview'),
    el('div', { class: 'row' }, well.node, well.about), look, board.node,
    el('div', { class: 'row' }, refused, dropped),
    el('section', { class: 'card' }, el('h2', {}, 'Nodes ', cluster), nodes,
      el('p', { class: 'note' }, 'Connections and rooms of another node are on its own page.')));
  poll(signal, EVERY, () => ['overview'], (o) => {
    history.add(o);
    put(byId('node'), o.info.node ?? '');
    well.show(o.info, o.server);
    look.show(attention(o, history));
    board.show(o, history);
    refused.show(refusals(o, history));
    dropped.show(drops(o, history));
    put(cluster, o.nodes.cluster === 'none' ? 'no cluster' : `cluster ${o.nodes.cluster}`);
    nodes.show(o.nodes.nodes);
  });
}
