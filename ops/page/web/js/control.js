// What is done with the whole node: its log, its settings, its end.

import { get, post } from './api.js';
import { ask } from './dialog.js';
import { el, put } from './dom.js';
import { many, span } from './format.js';
import { choose } from './list.js';
import { now, poll } from './live.js';

const levels = [['error', 'error'], ['warn', 'warn'], ['info', 'info'], ['debug', 'debug'],
  ['trace', 'trace: data of events']];
const spans = [['600000', 'for 10 minutes'], ['3600000', 'for an hour'], ['60000', 'for a minute'],
  ['0', 'until it is changed']];

function logCard() {
  const present = el('b', {}, '–');
  const level = choose('level', 'Level', /** @type {any} */ (levels), 'debug');
  const time = choose('level-time', 'How long', /** @type {any} */ (spans), '600000');
  const form = el('form', {
    class: 'filters', onsubmit: async (event) => {
      event.preventDefault();
      const to = level.select.value;
      const forMs = Number(time.select.value);
      const done = forMs ? ` for ${span(forMs)}` : '';
      if (await ask({
        title: `Log at ${to}${done}?`, action: 'Set the level',
        text: to === 'trace' ? 'The log will have the data of events, which may be private.'
          : to === 'debug' ? 'Every connection will have some lines in the log.'
            : 'The log changes at once.',
        danger: to === 'trace',
        run: async () => {
          await post('log-level', { level: to, forMs });
          return `The log is at ${to}${done}`;
        },
      })) now();
    },
  }, level.label, time.label, el('button', {}, 'Set…'));
  const node = el('section', { class: 'card control' }, el('h2', {}, 'Log'),
    el('p', {}, 'It is at ', present, '.'), form);
  node.show = (info) => {
    form.hidden = !info.logLevel;
    put(present, info.logLevel || 'a level that this program does not let be set');
  };
  return node;
}

function reloadCard() {
  const result = el('p', { class: 'note', role: 'status' });
  const button = el('button', {
    type: 'button', onclick: () => ask({
      title: 'Read the settings again?', action: 'Reload',
      text: 'The configuration file and the environment are read, as after SIGHUP. If anything ' +
        'in them cannot be used, nothing changes.',
      run: async () => {
        const { changed } = await post('reload');
        const text = changed.length ? `Changed: ${changed.join(', ')}` : 'Nothing has changed';
        put(result, text);
        return text;
      },
    }),
  }, 'Reload…');
  const node = el('section', { class: 'card control' }, el('h2', {}, 'Settings'),
    el('p', {}, 'Reads the configuration again, without a restart.'),
    el('div', { class: 'buttons' }, button), result);
  node.show = (info) => {
    button.disabled = !info.canReload;
    if (!info.canReload) put(result, 'This program does not read its settings again.');
  };
  return node;
}

/** known is the overview, or as much as nothing if it cannot be had: the drain goes on without. */
async function known() {
  try {
    return await get('overview');
  } catch {
    return { nodes: { nodes: [] } };
  }
}

function drainCard() {
  const state = el('p', { role: 'status' });
  const text = el('p', {}, 'New clients are sent elsewhere, those that are here move or are ' +
    'closed in time, and the program ends, as after SIGTERM. This cannot be undone.');
  const button = el('button', {
    type: 'button', class: 'danger', onclick: async () => {
      const { connections, nodes } = await known();
      const others = nodes.nodes.filter((n) => !n.self && n.present).length;
      ask({
        title: 'Drain this node?', action: 'Drain', danger: true, word: 'drain',
        text: (connections ? `${many(connections.open, 'connection')} will have to go. ` : '') +
          (others ? `${many(others, 'other node')} ${others === 1 ? 'is' : 'are'} there.`
            : 'No other node of a cluster is there to take them.'),
        run: async () => {
          await post('drain');
          return 'This node drains';
        },
      }).then(now);
    },
  }, 'Drain…');
  const node = el('section', { class: 'card control' }, el('h2', {}, 'Drain'), state, text,
    el('div', { class: 'buttons' }, button));
  node.show = (info) => {
    put(state, info.ready ? '' : `Not ready: ${info.notReadyReason}`);
    state.hidden = info.ready;
  };
  return node;
}

/** control is the view. */
export function control(main, _params, signal) {
  const cards = [logCard(), reloadCard(), drainCard()];
  const who = el('b', {});
  main.append(el('h1', {}, 'Control'), el('p', { class: 'soft' },
    'Every action is in the server’s log, with who did it: ', who, '.'), ...cards);
  poll(signal, 3000, () => ['info'], (info) => {
    put(who, info.who);
    for (const card of cards) card.show(info);
  });
}
