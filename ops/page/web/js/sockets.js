// Search for sockets.

import { el, link, put, table } from './dom.js';
import { bytes, count, ms } from './format.js';
import { choose, here, later, listing } from './list.js';

/** socketTable is a table of sockets. @param {boolean} everywhere they are of all namespaces */
export function socketTable(everywhere) {
  /** @type {[string, string, (cell: any, s: any) => void][]} */
  const columns = [
    ['Socket', 'name', (cell, s) => link(cell, here('socket', { id: s.id }), s.id, 'id')],
    ['Identity', 'name', (cell, s) => put(cell, s.identity || '–')],
    ['State', '', (cell, s) => {
      put(cell, s.connected ? 'present' : 'away');
      cell.dataset.kind = s.connected ? 'good' : 'warn';
    }],
    ['Namespace', 'wide', (cell, s) => put(cell, s.namespace)],
    ['Address', 'wide', (cell, s) => put(cell, s.address || '–')],
    ['Round trip', 'n', (cell, s) => put(cell, s.rttMs ? ms(s.rttMs) : '–')],
    ['Outbox', 'n wide', (cell, s) => put(cell, bytes(s.outboxBytes))],
    ['Rooms', 'n wide', (cell, s) => put(cell, count(s.rooms))],
  ];
  return table('Sockets', columns.filter(([name]) => everywhere || name !== 'Namespace'),
    (s) => s.id);
}

/** sockets is the view of the search. */
export function sockets(main, params, signal) {
  const search = el('input', {
    id: 'q', type: 'search', value: params.get('q') ?? '', spellcheck: 'false',
    autocomplete: 'off', autocapitalize: 'off', placeholder: 'id, identity, 10.1.0.0/16',
  });
  const by = choose('by', 'In', [['', 'Everything'], ['id', 'Id'], ['identity', 'Identity'],
    ['address', 'Address']], params.get('by') ?? '');
  const state = choose('state', 'State', [['', 'All'], ['present', 'Present'], ['away', 'Away']],
    params.get('state') ?? '');
  const sort = choose('sort', 'Order', [['', 'By id'], ['rtt', 'Slowest round trip'],
    ['outbox', 'Largest outbox']], params.get('sort') ?? '');
  const namespace = el('input', {
    id: 'namespace', value: params.get('namespace') ?? '', spellcheck: 'false',
    autocomplete: 'off', autocapitalize: 'off', placeholder: 'all',
  });
  const of = () => ({
    q: search.value.trim(), by: by.select.value, state: state.select.value,
    sort: sort.select.value, namespace: namespace.value.trim(),
  });
  const list = listing({
    signal, every: 3000, field: 'sockets', one: 'socket', table: socketTable(true),
    what: () => ['sockets', of()],
    none: () => Object.entries(of()).some(([key, value]) => value && key !== 'sort')
      ? 'No socket of this node matches. It may have ended, or be on another node.'
      : 'No client is connected to this node.',
  });
  const changed = () => {
    history.replaceState(null, '', here('sockets', of()));
    list.restart();
  };
  const typed = later(changed, signal);
  search.addEventListener('input', typed);
  namespace.addEventListener('input', typed);
  for (const { select } of [by, state, sort]) select.addEventListener('change', changed);
  main.append(el('h1', {}, 'Sockets'), el('section', { class: 'card' },
    el('form', {
      class: 'filters', role: 'search', onsubmit: (e) => { e.preventDefault(); changed(); },
    },
      el('label', { class: 'field grow', for: 'q' },
        el('span', {}, 'Part of an id or identity, an address or a prefix'), search),
      by.label, state.label, sort.label,
      el('label', { class: 'field', for: 'namespace' }, el('span', {}, 'Namespace'), namespace)),
    list));
}
