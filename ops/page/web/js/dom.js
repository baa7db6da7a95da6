// Elements without a template language. Nothing here, or anywhere on this page, makes HTML out of
// text, so what clients send (names of events, rooms, identities) stays text.

const SVG = 'http://www.w3.org/2000/svg';

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * el makes an element. Attributes whose names begin with "on" are listeners; false, null and
 * undefined leave one out, true gives an empty one.
 * @param {string} name
 * @param {Record<string, any>} [attributes]
 * @param {...Child} children
 * @returns {any}
 */
export function el(name, attributes = {}, ...children) {
  return dress(document.createElement(name), attributes, children);
}

/**
 * svg is el for drawings.
 * @param {string} name
 * @param {Record<string, any>} [attributes]
 * @param {...Child} children
 * @returns {any}
 */
export function svg(name, attributes = {}, ...children) {
  return dress(document.createElementNS(SVG, name), attributes, children);
}

function dress(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? '' : String(value));
  }
  for (const child of children) {
    if (child instanceof Node) node.append(child);
    else if (child !== null && child !== undefined && child !== false) node.append(String(child));
  }
  return node;
}

/**
 * put sets the text of a node unless it is that already, so that a selection survives.
 * @param {Node} node
 * @param {string | number} value
 */
export function put(node, value) {
  const text = String(value);
  if (node.textContent !== text) node.textContent = text;
}

/** byId finds an element of the page that is always there. @param {string} id @returns {any} */
export function byId(id) {
  return document.getElementById(id);
}

/**
 * keyed makes the children of parent those of items, in this order. A child whose item was there
 * before is kept and updated, so that focus and selections stay where they are.
 * @template T
 * @param {Element} parent
 * @param {T[]} items
 * @param {(item: T) => string} key
 * @param {(item: T) => any} make returns an element with a method update(item)
 */
export function keyed(parent, items, key, make) {
  const wanted = new Set(items.map(key));
  const old = new Map();
  for (const child of [...parent.children]) {
    const k = /** @type {any} */ (child).key;
    if (wanted.has(k)) old.set(k, child);
    else child.remove(); // first, because a child that is moved loses the focus
  }
  let at = /** @type {any} */ (parent.firstElementChild);
  for (const item of items) {
    const k = key(item);
    let child = old.get(k);
    if (!child) {
      child = make(item);
      child.key = k;
    }
    child.update(item);
    if (child === at) at = at.nextElementSibling;
    else parent.insertBefore(child, at);
  }
}

/**
 * table makes a table whose body is filled by its method show(items). Columns are [heading, class,
 * fill], where fill(cell, item) fills a cell, first and again.
 * @param {string} label
 * @param {[string, string, (cell: any, item: any) => void][]} columns
 * @param {(item: any) => string} key
 */
export function table(label, columns, key) {
  // The roles are those of a table in any case. Said here they hold where a phone's layout makes
  // rows of it that are none of a table.
  const body = el('tbody', { role: 'rowgroup' });
  const make = () => {
    const cells = columns.map(([, kind]) => el('td', { class: kind || null, role: 'cell' }));
    const row = el('tr', { role: 'row' }, ...cells);
    row.update = (item) => columns.forEach(([, , fill], i) => fill(cells[i], item));
    return row;
  };
  const head = columns.map(([name, kind]) => el('th', {
    class: kind || null, scope: 'col', role: 'columnheader',
  }, name));
  const whole = el('table', { class: label.toLowerCase(), 'aria-label': label, role: 'table' },
    el('thead', { role: 'rowgroup' }, el('tr', { role: 'row' }, ...head)), body);
  const box = el('div', { class: 'scroll', role: 'region', 'aria-label': label, tabindex: '0' },
    whole);
  box.show = (items) => keyed(body, items, key, make);
  return box;
}

/**
 * link makes the text of a cell a link, and keeps the link that is there.
 * @param {Element} cell
 * @param {string} href
 * @param {string} text
 * @param {string} [kind]
 */
export function link(cell, href, text, kind) {
  let a = /** @type {any} */ (cell.querySelector('a'));
  if (!a) {
    a = el('a', { class: kind });
    cell.replaceChildren(a);
  }
  if (a.getAttribute('href') !== href) a.setAttribute('href', href);
  put(a, text);
}
