// Namespaces, their rooms, and who is in one.

import { disconnectRoom, empty } from './actions.js';
import { el, link, put, table } from './dom.js';
import { count, many } from './format.js';
import { choose, here, later, listing } from './list.js';
import { poll } from './live.js';
import { socketTable } from './sockets.js';

function namespaceTable() {
  return table('Namespaces', [
    ['Namespace', '', (cell, n) => link(cell, here('rooms', { namespace: n.path }), n.path)],
    ['Connected', 'n', (cell, n) => put(cell, count(n.connections))],
    ['Away', 'n', (cell, n) => put(cell, count(n.away))],
    ['Rooms', 'n', (cell, n) => put(cell, count(n.rooms))],
    ['Events', 'n wide', (cell, n) => put(cell, count(n.events))],
    ['Handlers', 'n wide', (cell, n) => put(cell, count(n.handlers))],
  ], (n) => n.path);
}

/** rooms is the view of the namespaces, and of the rooms of one. */
export function rooms(main, params, signal) {
  const namespace = params.get('namespace') || '/';
  const spaces = namespaceTable();
  const most = 200; // namespaces shown
  const rest = el('p', { class: 'note' });
  const search = el('input', {
    id: 'room-name', type: 'search', value: params.get('q') ?? '', spellcheck: 'false',
    autocomplete: 'off',
  });
  const sort = choose('room-sort', 'Order', [['', 'By name'], ['members', 'Most members first']],
    params.get('sort') ?? '');
  const of = () => ({ namespace, q: search.value.trim(), sort: sort.select.value });
  const list = listing({
    signal, every: 3000, field: 'rooms', one: 'room',
    what: () => ['rooms', of()],
    none: () => search.value.trim() ? `No room of ${namespace} has this in its name.`
      : `Nobody is in a room of ${namespace}.`,
    table: table('Rooms', [
      ['Room', 'name', (cell, r) => link(cell, here('room', { namespace, room: r.room }), r.room)],
      ['Members', 'n', (cell, r) => put(cell, count(r.members))],
    ], (r) => r.room),
  });
  const changed = () => {
    history.replaceState(null, '', here('rooms', of()));
    list.restart();
  };
  search.addEventListener('input', later(changed, signal));
  sort.select.addEventListener('change', changed);
  main.append(el('h1', {}, 'Rooms'),
    el('section', { class: 'card' }, el('h2', {}, 'Namespaces'), spaces, rest),
    el('section', { class: 'card' }, el('h2', {}, 'Rooms of ', el('b', {}, namespace)),
      el('form', { class: 'filters', role: 'search', onsubmit: (e) => e.preventDefault() },
        el('label', { class: 'field grow', for: 'room-name' },
          el('span', {}, 'Part of the name'), search), sort.label), list));
  poll(signal, 5000, () => ['namespaces'], ({ namespaces }) => {
    spaces.show(namespaces.slice(0, most));
    put(rest, namespaces.length > most ? `and ${count(namespaces.length - most)} more` : '');
    for (const a of spaces.querySelectorAll('a')) {
      if (a.textContent === namespace) a.setAttribute('aria-current', 'true');
    }
  });
}

/** room is the view of one room. */
export function room(main, params, signal) {
  const namespace = params.get('namespace') || '/';
  const name = params.get('room') ?? '';
  let members = 0;
  const total = el('span', { class: 'soft' });
  const list = listing({
    signal, every: 3000, field: 'sockets', one: 'member',
    what: () => ['sockets', { namespace, room: name }],
    none: () => 'Nobody is in this room now. Rooms without members end.',
    table: socketTable(false),
    told: (answer) => {
      members = answer.total;
      put(total, many(members, 'member'));
      for (const button of actions.querySelectorAll('button')) button.disabled = members === 0;
    },
  });
  const actions = el('div', { class: 'buttons' },
    el('button', { type: 'button', onclick: () => empty(namespace, name, members) },
      'Empty the room…'),
    el('button', {
      type: 'button', class: 'danger', onclick: () => disconnectRoom(namespace, name, members),
    }, 'Disconnect all…'));
  main.append(
    el('p', { class: 'crumbs' },
      el('a', { href: here('rooms', { namespace }) }, `Rooms of ${namespace}`)),
    el('div', { class: 'head' }, el('h1', {}, name, ' ', total), actions),
    el('section', { class: 'card' }, list));
}
