// Lists that come in pages, with the form that says what is in them.

import { el, put } from './dom.js';
import { sentence } from './dialog.js';
import { count, many } from './format.js';
import { now, poll } from './live.js';

const SIZE = 50; // entries of a page

/**
 * listing makes a list of the API with its table, its state and the way to its other pages.
 * @param {object} o
 * @param {AbortSignal} o.signal
 * @param {number} o.every ms
 * @param {() => [string, Record<string, any>]} o.what path and parameters, without page and size
 * @param {any} o.table see table of dom.js
 * @param {string} o.field of the answer that has the entries
 * @param {string} o.one what an entry is called
 * @param {() => string} o.none says why there are none
 * @param {(answer: any) => void} [o.told] gets every answer
 */
export function listing(o) {
  /** @type {string[]} */
  let before = []; // "after" of the pages before this one
  let after = '';
  let next = '';
  const total = el('p', { class: 'note', role: 'status' }, 'Loading');
  const empty = el('p', { class: 'empty' });
  const error = el('p', { class: 'error', role: 'alert' });
  const turn = (name, act) => el('button', {
    type: 'button', class: 'plain', onclick: () => { act(); now(); },
  }, name);
  const back = turn('Previous', () => { after = before.pop() ?? ''; });
  const on = turn('Next', () => {
    before.push(after);
    after = next;
  });
  const pages = el('div', { class: 'pages' }, total, back, on);
  empty.hidden = true;
  back.hidden = on.hidden = true;
  const node = el('div', { class: 'list' }, error, o.table, empty, pages);
  node.restart = () => {
    before = [];
    after = '';
    now();
  };
  const show = (answer) => {
    const entries = answer[o.field] ?? [];
    if (entries.length === 0 && after !== '') { // this page has become empty
      node.restart();
      return;
    }
    put(error, '');
    next = answer.next ?? '';
    o.table.show(entries);
    o.table.hidden = entries.length === 0;
    empty.hidden = entries.length > 0;
    put(empty, entries.length ? '' : o.none());
    const first = before.length * SIZE + 1;
    put(total, entries.length === 0 ? '' : entries.length === answer.total
      ? many(answer.total, o.one)
      : `${count(first)} to ${count(first + entries.length - 1)} of ${many(answer.total, o.one)}`);
    back.hidden = before.length === 0;
    on.hidden = next === '';
    o.told?.(answer);
  };
  poll(o.signal, o.every, () => {
    const [path, params] = o.what();
    return [path, { ...params, limit: SIZE, after }];
  }, show, (failure) => {
    put(error, sentence(failure.message));
    o.table.hidden = empty.hidden = true;
    put(total, '');
  });
  return node;
}

/**
 * later calls f once nothing has been typed for a moment.
 * @param {() => void} f
 * @param {AbortSignal} signal
 */
export function later(f, signal) {
  let timer = 0;
  signal.addEventListener('abort', () => clearTimeout(timer));
  return () => {
    clearTimeout(timer);
    timer = setTimeout(f, 250);
  };
}

/** choose makes a labelled select. @param {[string, string][]} options value and name */
export function choose(id, name, options, value) {
  const select = el('select', { id }, ...options.map(([v, text]) => el('option', { value: v },
    text)));
  select.value = value;
  if (select.selectedIndex < 0) select.selectedIndex = 0;
  return { select, label: el('label', { class: 'field', for: id }, el('span', {}, name), select) };
}

/**
 * here is the address of a view. Empty parameters are left out.
 * @param {string} view @param {Record<string, any>} [params]
 */
export function here(view, params = {}) {
  const query = new URLSearchParams(Object.entries(params).filter(([, v]) => v)).toString();
  return `#/${view}${query ? `?${query}` : ''}`;
}
