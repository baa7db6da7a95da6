// Questions before something is done, and short notes afterwards.

import { byId, el, put } from './dom.js';
import { Failure } from './api.js';

/**
 * @typedef {object} Question
 * @property {string} title
 * @property {string} text what will happen
 * @property {string} action what the button says
 * @property {boolean} [danger]
 * @property {string} [word] what has to be typed first
 * @property {any} [fields] an element with what there is to choose
 * @property {() => Promise<string | void>} run does it, and says what was done
 */

/**
 * ask shows a question. run is called when it is confirmed; if it fails, the dialog says why and
 * stays. Escape, Cancel and a press beside the dialog leave everything as it is.
 * @param {Question} q
 * @returns {Promise<boolean>} whether it was done
 */
export function ask(q) {
  const dialog = byId('ask');
  const typed = el('input', { id: 'ask-word', autocomplete: 'off', spellcheck: 'false' });
  const error = el('p', { class: 'error', role: 'alert' });
  const cancel = el('button', {
    type: 'button', class: 'plain', onclick: () => dialog.close(),
  }, 'Cancel');
  const confirm = el('button', {
    class: q.danger ? 'danger' : 'main', id: 'ask-confirm',
  }, q.action);
  const ready = () => { confirm.disabled = q.word !== undefined && typed.value !== q.word; };
  typed.addEventListener('input', ready);
  ready();
  let done = false;
  const form = el('form', { onsubmit: (event) => { event.preventDefault(); act(); } },
    el('h2', { id: 'ask-title' }, q.title), el('p', { id: 'ask-text' }, q.text), q.fields,
    q.word !== undefined && el('label', { class: 'field', for: 'ask-word' },
      el('span', {}, 'Type ', el('b', {}, q.word), ' to confirm'), typed),
    error, el('div', { class: 'buttons' }, cancel, confirm));

  async function act() {
    if (confirm.disabled) return;
    confirm.disabled = true;
    put(error, '');
    try {
      const said = await q.run();
      done = true;
      dialog.close();
      if (said) toast(said);
    } catch (failure) {
      if (!(failure instanceof Failure)) throw failure;
      put(error, sentence(failure.message));
      ready();
    }
  }
  dialog.replaceChildren(form);
  dialog.onclick = (event) => { if (event.target === dialog) dialog.close(); };
  dialog.showModal();
  if (q.word !== undefined) typed.focus();
  else if (q.danger) cancel.focus();
  return new Promise((resolve) => {
    dialog.onclose = () => {
      dialog.replaceChildren();
      resolve(done);
    };
  });
}

/** sentence makes a message of the API one. @param {string} text */
export function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?…]$/.test(text) ? '' : '.');
}

/** toast shows a note for some seconds, and says it to screen readers. @param {string} text */
export function toast(text) {
  const note = el('div', { class: 'toast' }, text);
  byId('toasts').append(note);
  setTimeout(() => note.remove(), 6000);
}
