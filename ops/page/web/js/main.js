// The frame of the page: signing in, which view is shown, and what is known of the connection.
// Views are functions of (main, params, signal): they fill main, and end when signal does.

import { connection, Failure, get, restore, signedIn, signIn, signOut } from './api.js';
import { byId, el, put } from './dom.js';
import { sentence } from './dialog.js';
import { clock } from './format.js';
import { now } from './live.js';
import { overview } from './overview.js';
import { room, rooms } from './rooms.js';
import { sockets } from './sockets.js';
import { socket } from './socket.js';
import { tail } from './tail.js';
import { control } from './control.js';

/** @type {Record<string, [string, string, (main: any, params: any, signal: any) => void]>} */
const views = {
  '': ['Overview', '#/', overview],
  rooms: ['Rooms', '#/rooms', rooms],
  room: ['Room', '#/rooms', room],
  sockets: ['Sockets', '#/sockets', sockets],
  socket: ['Socket', '#/sockets', socket],
  tail: ['Tail', '#/tail', tail],
  control: ['Control', '#/control', control],
};

const main = byId('main');
let shown = new AbortController();
let lostAt = /** @type {Date | null} */ (null);

function state(name, text) {
  document.body.dataset.state = name;
  put(byId('pill'), text);
}

/** route shows the view that the address names. */
function route() {
  if (document.body.dataset.state === 'login') return;
  const [path, query] = location.hash.replace(/^#\/?/, '').split('?');
  const [title, home, view] = views[Object.hasOwn(views, path) ? path : ''];
  shown.abort();
  shown = new AbortController();
  for (const a of byId('nav').querySelectorAll('a')) {
    if (a.getAttribute('href') === home) a.setAttribute('aria-current', 'page');
    else a.removeAttribute('aria-current');
  }
  document.title = `${title} · SmartSocket operations`;
  main.replaceChildren();
  byId('ask').close();
  view(main, new URLSearchParams(query ?? ''), shown.signal);
  scrollTo(0, 0);
}

/** navigate is route after a link was followed: focus goes to the new view. */
function navigate() {
  route();
  const heading = main.querySelector('h1');
  if (!heading) return;
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
}

/** begin asks who the server is, and shows the view, or the form for the token. */
async function begin() {
  state('starting', 'Connecting');
  try {
    const info = await get('info');
    put(byId('node'), info.node ?? '');
    byId('nav').hidden = false;
    byId('sign-out').hidden = !signedIn();
    state('online', 'Connected');
    route();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    if (error.status === 401) return;
    if (!error.lost) {
      state('refused', 'Refused');
      main.replaceChildren(el('p', { class: 'empty' }, sentence(error.message)));
      return;
    }
    setTimeout(begin, 2000);
  }
}

/** login shows the form for the token. @param {string} why */
function login(why) {
  shown.abort();
  byId('nav').hidden = true;
  byId('sign-out').hidden = true;
  banner();
  byId('ask').close();
  state('login', 'Signed out');
  document.title = 'Sign in · SmartSocket operations';
  // The fields have no names, so that no browser could ever put them into an address.
  const token = el('input', {
    id: 'token', type: 'password', required: true, autocomplete: 'current-password',
    spellcheck: 'false', autocapitalize: 'off', 'aria-describedby': 'login-error',
  });
  const name = el('input', {
    id: 'who', autocomplete: 'username', spellcheck: 'false', value: byId('who')?.value,
  });
  const keep = el('input', { id: 'keep', type: 'checkbox' });
  const error = el('p', { id: 'login-error', class: 'error', role: 'alert' }, why);
  const button = el('button', { class: 'main' }, 'Sign in');
  main.replaceChildren(el('form', {
    class: 'card login', method: 'post', onsubmit: async (event) => {
      event.preventDefault();
      button.disabled = true;
      put(error, '');
      signIn(token.value.trim(), name.value, keep.checked);
      await begin();
      button.disabled = false;
    },
  },
  el('h1', {}, 'Sign in'),
  el('p', { class: 'soft' }, 'This address asks for the token of the server (opsToken).'),
  el('label', { class: 'field', for: 'who' },
    el('span', {}, 'Your name, for the server’s log (optional)'), name),
  el('label', { class: 'field', for: 'token' }, el('span', {}, 'Token'), token),
  el('label', { class: 'check', for: 'keep' }, keep,
    el('span', {}, 'Stay signed in when this tab is reloaded')),
  error, button));
  token.focus();
}

/** banner says that the connection is lost, or nothing. */
function banner() {
  const box = byId('banner');
  box.hidden = lostAt === null || document.body.dataset.state === 'login';
  if (box.hidden) {
    box.replaceChildren();
    return;
  }
  if (box.firstChild) return;
  box.append(
    el('span', {}, `No answer from the server since ${clock(/** @type {Date} */ (lostAt))}. ` +
      'What is shown may be old. Trying again.'),
    el('button', { type: 'button', onclick: now }, 'Try now'));
}

connection.addEventListener('lost', () => {
  lostAt ??= new Date();
  if (document.body.dataset.state !== 'login') state('lost', 'No answer');
  banner();
});
connection.addEventListener('online', () => {
  lostAt = null;
  if (document.body.dataset.state === 'lost') state('online', 'Connected');
  banner();
});
connection.addEventListener('refused', () => {
  const tried = signedIn();
  signOut();
  login(tried ? 'The server does not take this token.' : '');
});
byId('sign-out').addEventListener('click', () => {
  signOut();
  login('');
});
byId('skip').addEventListener('click', () => main.focus());
addEventListener('hashchange', navigate);
addEventListener('online', now);

restore();
begin();
