// The scenes of return_test.go: what a page does when its connection is lost, it was asleep, or it
// was reloaded. Each reports a list of what went wrong. Long delays never end here, so what comes
// back in time was woken.
import { SmartSocketClient } from '/dist/js.js';

const query = new URL(location.href).searchParams, control = query.get('control');
const setTimer = window.setTimeout;
window.setTimeout = (f, ms, ...args) => setTimer(f, ms > 9000 ? 1 << 30 : ms, ...args);

const ask = async (path) => (await fetch(control + path)).text();
const next = (c, event) => new Promise((resolve) => c.once(event, (...args) => resolve(args)));
const failures = [];
const check = (right, what) => { if (!right) failures.push(what); };

let browserSays = true;
Object.defineProperty(navigator, 'onLine', { get: () => browserSays });

// lose connects a client that would wait for long, and loses its connection.
async function lose(options) {
  const address = await ask('/relay?caching');
  const client = new SmartSocketClient(address, { reconnectDelay: 30000, ...options });
  client.on('error', () => {});
  await client.connect();
  const waits = next(client, 'reconnecting');
  await ask('/cut?' + address);
  await waits;
  return client;
}

// wakes checks that an event makes a client come back.
async function wakes(raise) {
  const client = await lose(), again = next(client, 'reconnected');
  raise();
  check((await again)[0] === true, 'the session was not recovered');
  client.disconnect();
}

const scenes = {
  online: () => wakes(() => window.dispatchEvent(new Event('online'))),
  pageshow: () => wakes(() => window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))),
  visible: () => wakes(() => document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))),

  // Attempts do not count while the browser is offline.
  async offline() {
    const address = await ask('/relay?caching'), dead = 'ws://127.0.0.1:1';
    const client = new SmartSocketClient(dead, { urls: [address], reconnectDelay: 1, maxReconnectAttempts: 2 });
    let attempts = 0;
    client.on('error', (e) => check(e.code === 'ERR_CONN_001', e.message));
    await client.connect();
    browserSays = false;
    const real = WebSocket, tried = new Promise((resolve) => client.on('reconnecting', () => { if (++attempts === 7) resolve(); }));
    window.WebSocket = class extends real { constructor(_url, protocols) { super(dead, protocols); } };
    await ask('/cut?' + address);
    await tried;
    window.WebSocket = real;
    browserSays = true;
    const again = next(client, 'reconnected');
    window.dispatchEvent(new Event('online'));
    await again;
    client.disconnect();
  },

  // A live connection is asked for a sign of life.
  async probe() {
    const address = await ask('/relay?caching'), sent = [], real = WebSocket;
    window.WebSocket = class extends real { send(data) { sent.push(new Uint8Array(data)[0] & 15); super.send(data); } };
    const client = new SmartSocketClient(address);
    await client.connect();
    window.dispatchEvent(new Event('online'));
    check(sent.includes(7), 'no PING was sent');
    await client.disconnect();
    sent.length = 0;
    window.dispatchEvent(new Event('online'));
    check(sent.length === 0, 'it listens on after disconnect()');
    window.WebSocket = real;
  },

  async reload() {
    const client = new SmartSocketClient(await remembered(), { keepSession: true, apiKey: 'mine' });
    await client.connect();
    const before = sessionStorage.getItem('before');
    if (!before) {
      client.emit('move', 'before');
      await client.emitWithAck('moves');
      return reload(client.id);
    }
    check(client.id === before && client.recovered, `a new session: ${client.id}, not ${before}`);
    const moves = await client.emitWithAck('moves'); // whose ack id is no old one
    check(moves.join() === 'before', 'the answer to another question came: ' + JSON.stringify(moves));
    client.disconnect();
    await forgotten({ keepSession: true, apiKey: 'mine' }, before);
  },

  async otherKey() {
    const before = sessionStorage.getItem('before');
    const client = new SmartSocketClient(await remembered(), { keepSession: true, auth: before ? 'theirs' : () => 'mine' });
    client.on('error', () => {});
    await client.connect();
    if (!before) return reload(client.id);
    check(client.id !== before && !client.recovered, 'the session of another key was taken');
    client.disconnect();
  },

  // A duplicated tab has a copy of the storage, and must not take the session.
  async duplicate() {
    const url = await remembered(), copy = query.has('copy');
    const client = new SmartSocketClient(url, { keepSession: true });
    client.on('disconnected', (reason) => check(false, 'lost: ' + reason));
    await client.connect();
    if (copy) { window.opener.postMessage(client.id, '*'); return new Promise(() => {}); }
    if (!sessionStorage.getItem('before')) { client.off('disconnected'); return reload(client.id); }
    check(client.id === sessionStorage.getItem('before'), 'not recovered');
    const theirs = new Promise((resolve) => window.addEventListener('message', (e) => resolve(e.data)));
    const tab = window.open(location.href + '&copy=1');
    if (tab) {
      check(await theirs !== client.id, 'both tabs have one session');
      tab.close();
    } else check(query.get('tabs') !== '1', 'no tab was opened');
    // This page's storage is what a copy has.
    const second = new SmartSocketClient(url, { keepSession: true });
    await second.connect();
    check(second.id !== client.id, 'two clients have one session');
    check((await client.emitWithAck('moves')) === null, 'the first has lost its session');
    second.disconnect();
    client.off('disconnected').disconnect();
  },

  // What comes right after connect() is not lost, however late the listener is.
  async welcome() {
    const client = new SmartSocketClient(await ask('/relay?caching'));
    await client.connect();
    await new Promise((resolve) => setTimer(resolve, 100));
    const [id] = await next(client, 'welcome');
    check(id === client.id, 'another welcome');
    client.disconnect();
  },
};

// remembered is the address of one relay, before and after the reload.
async function remembered() {
  const url = sessionStorage.getItem('url') ?? await ask('/relay?caching');
  sessionStorage.setItem('url', url);
  return url;
}

async function reload(id) {
  sessionStorage.setItem('before', id);
  location.reload();
  return new Promise(() => {});
}

// forgotten checks that nothing is kept after disconnect().
async function forgotten(options, id) {
  window.dispatchEvent(new PageTransitionEvent('pagehide'));
  const client = new SmartSocketClient(await remembered(), options);
  await client.connect();
  check(client.id !== id && !client.recovered, 'disconnect() did not end the session');
  client.disconnect();
}

async function play() {
  await scenes[query.get('scene')]();
  sessionStorage.clear();
  return failures;
}
browsertest.run(play());
