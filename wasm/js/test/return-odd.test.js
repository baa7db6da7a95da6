// The return of a client where something else goes wrong as well: credentials, listeners, signs of
// life at odd moments.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { WebSocket, client, createLogger, next, until } from './setup.js';
import { ackOf, error, serve } from './fake-server.js';

const ASKS_AUTH = 6; // HELLO's bits: resume, and new sockets authenticate by the event auth
const events = (peer) => peer.messages.map((m) => m.event);
const answer = (peer, m) => { if (m.ack !== undefined) peer.send(ackOf(m.ack)); };

describe('the queue', () => {
  test('a recovered session that was never authenticated lets nothing pass before that', async (t) => {
    const server = await serve(t, { bits: ASKS_AUTH, recover: true, received: 0, message: answer });
    const c = client(t, server.url);
    await c.connect();
    server.peers[0].socket.terminate();
    await next(c, 'disconnected');
    c.emit('queued');
    await next(c, 'reconnected');
    assert.equal(c.recovered, true);
    await c.emitWithAck('live');
    await c.emitWithAck('auth', 'right');
    await until(() => server.peers[1].messages.length === 3);
    assert.deepEqual(events(server.peers[1]), ['live', 'auth', 'queued']);
  });

  test('an auth that waited goes first in a recovered session, too', async (t) => {
    const server = await serve(t, { bits: ASKS_AUTH, recover: true, received: 0, message: answer });
    const c = client(t, server.url);
    await c.connect();
    server.peers[0].socket.terminate();
    await next(c, 'disconnected');
    c.emit('queued');
    await c.emitWithAck('auth', 'right');
    await until(() => server.peers[1].messages.length === 2);
    assert.deepEqual(events(server.peers[1]), ['auth', 'queued']);
  });

  test('the refusal of a repeated auth lets it pass where the server does not insist', async (t) => {
    const server = await serve(t, { recover: true, received: 0, message: (peer, m) => {
      if (m.event === 'auth' && peer.number > 0) peer.send(error('ERR_APP_003', 'no handler', m.ack));
    } });
    const c = client(t, server.url, { auth: 'token' }), told = next(c, 'error');
    await c.connect();
    await until(() => server.peers[0].messages.length === 1);
    server.peers[0].socket.terminate();
    await next(c, 'disconnected');
    c.emit('queued');
    assert.equal((await told)[0].code, 'ERR_APP_003');
    await until(() => server.peers[1].messages.length === 2);
    assert.deepEqual(events(server.peers[1]), ['auth', 'queued']);
  });

  test('a connected listener whose promise never settles holds it for a minute, and is told', async (t) => {
    const server = await serve(t), c = client(t, server.url), errors = [];
    c.on('error', (e) => errors.push(e)).on('connected', () => new Promise(() => {}));
    c.emit('queued');
    t.mock.timers.enable({ apis: ['setTimeout'] });
    await c.connect();
    t.mock.timers.tick(59999);
    assert.deepEqual([c.getStats().queued, errors], [1, []]);
    t.mock.timers.tick(1);
    assert.deepEqual([c.getStats().queued, errors.length, errors[0].code], [0, 1, 'ERR_APP_002']);
    assert.match(errors[0].message, /listener of "connected".* promise/);
    while (server.peers[0].messages.length < 1) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(events(server.peers[0]), ['queued']);
  });

  test('the end of a connection ends the wait for its connected listeners', async (t) => {
    const server = await serve(t), c = client(t, server.url), errors = [];
    c.on('error', (e) => errors.push(e.code)).once('connected', () => new Promise(() => {}));
    t.mock.timers.enable({ apis: ['setTimeout'] });
    await c.connect();
    c.disconnect();
    t.mock.timers.tick(60000);
    assert.deepEqual(errors, []);
  });

  test('drain comes after the next connection when the one that was full is lost', async (t) => {
    const server = await serve(t), made = [];
    class Full extends WebSocket {
      constructor(...args) { super(...args); made.push(this); }
      get bufferedAmount() { return this === made[0] ? 1e9 : 0; }
    }
    const c = client(t, server.url, { WebSocket: Full });
    await c.connect();
    assert.equal(c.emit('one'), false);
    const drained = next(c, 'drain');
    server.peers[0].socket.terminate();
    await drained;
    assert.equal(c.connected, true);
  });
});

test('a test ends when the WebSockets of its clients are closed', async (t) => {
  const made = [];
  class Kept extends WebSocket {
    constructor(...args) { super(...args); made.push(this); }
  }
  await t.test('with one', async (t) => {
    const server = await serve(t), c = client(t, server.url, { WebSocket: Kept });
    await c.connect();
  });
  assert.deepEqual(made.map((socket) => socket.readyState), [WebSocket.CLOSED]);
});

describe('credentials', () => {
  test('the limit of apiKey is one of bytes, as on the server', async (t) => {
    const server = await serve(t);
    await client(t, server.url, { apiKey: '€'.repeat(682) }).connect();
    assert.equal(server.connects[0].get(11).length, 2046);
    await assert.rejects(client(t, server.url, { apiKey: '€'.repeat(683) }).connect(), (e) => e.code === 'ERR_CONN_004' && /2048 bytes/.test(e.message));
    assert.equal(server.connects.length, 1);
  });

  test('those of an attempt that is over do not reach the next one', async (t) => {
    const server = await serve(t, { message: answer }), asked = [];
    const c = client(t, server.url, { auth: () => new Promise((resolve) => { asked.push(resolve); }) });
    c.connect();
    await until(() => asked.length === 1);
    c.disconnect();
    const connected = c.connect();
    await until(() => asked.length === 2);
    asked[1]('new');
    asked[0]('old');
    await connected;
    await until(() => server.peers[0].messages.length === 1);
    assert.equal(server.peers[0].messages[0].text, '"new"');
  });

  test('what cannot become JSON fails the attempt, and a renewal, with its cause', async (t) => {
    const server = await serve(t, { message: answer });
    let value = { key: new Map() };
    const c = client(t, server.url, { auth: () => value });
    await assert.rejects(c.connect(), (e) => e.code === 'ERR_CONN_001' && /\.key/.test(e.cause.message));
    value = 'good';
    await c.connect();
    value = { key: 1n };
    const told = next(c, 'error');
    server.peers.at(-1).send(error('ERR_CONN_004', 'soon', undefined, { event: 'auth' }));
    assert.match((await told)[0].cause.message, /\.key/);
    assert.equal(c.connected, true);
  });

  test('the end of an attempt says that a function has not answered', async (t) => {
    const server = await serve(t);
    for (const name of ['apiKey', 'auth']) {
      const c = client(t, server.url, { [name]: () => new Promise(() => {}), connectTimeout: 20 });
      await assert.rejects(c.connect(), (e) => e.code === 'ERR_CONN_002' && /apiKey.*auth/.test(e.message));
    }
  });
});

test('a sign of life while it connects lets the delays begin anew', async (t) => {
  const server = await serve(t), signs = new Map(), delays = [];
  globalThis.addEventListener = (name, f) => signs.set(name, f);
  globalThis.removeEventListener = (name) => signs.delete(name);
  t.after(() => { delete globalThis.addEventListener; delete globalThis.removeEventListener; });
  const c = client(t, server.url, { maxReconnectAttempts: -1, reconnectDelay: 5 });
  c.on('reconnecting', (_n, delay) => delays.push(delay));
  await c.connect();
  server.behaviour.refuse = (peer) => {
    if (peer.number === 8) signs.get('online')();
    peer.socket.close(1013);
  };
  server.peers[0].socket.terminate();
  await until(() => delays.length === 9);
  c.disconnect();
  assert.ok(delays[8] < 8, `waits ${delays[8]} ms`);
  assert.equal(signs.size, 0);
});

test('disconnect() in a connected listener is the last that is heard', async (t) => {
  const server = await serve(t), heard = [];
  const c = client(t, server.url);
  await c.connect();
  for (const name of ['disconnected', 'reconnected']) c.on(name, () => heard.push(name));
  c.on('connected', () => c.disconnect());
  server.peers[0].socket.terminate();
  await until(() => heard.length >= 2);
  assert.deepEqual(heard, ['disconnected', 'disconnected']);
});

test('an attempt that is over keeps no session, and says nothing about that', async (t) => {
  const server = await serve(t), heard = [], lines = [];
  globalThis.addEventListener = (name) => { if (name === 'pagehide') heard.push(name); };
  globalThis.removeEventListener = (name) => { if (name === 'pagehide') heard.pop(); };
  t.after(() => { delete globalThis.addEventListener; delete globalThis.removeEventListener; });
  const log = createLogger((level, text) => lines.push(text));
  const c = client(t, server.url, { keepSession: true, logger: log });
  c.connect();
  c.disconnect();
  await c.connect(); // as React's StrictMode does
  assert.equal(heard.length, 1);
  c.disconnect();
  c.connect();
  c.disconnect();
  await new Promise((resolve) => { setTimeout(resolve, 20); });
  assert.deepEqual([heard, lines], [[], []]);
});

test('a client that is refused and connects again leaves no timer', async (t) => {
  const server = await serve(t), timers = new Set();
  const { setTimeout: set, clearTimeout: clear } = globalThis;
  globalThis.setTimeout = (f, ms) => { const timer = set(() => { timers.delete(timer); f(); }, ms); if (ms > 500) timers.add(timer); return timer; };
  globalThis.clearTimeout = (timer) => { timers.delete(timer); clear(timer); };
  t.after(() => Object.assign(globalThis, { setTimeout: set, clearTimeout: clear }));
  const c = client(t, server.url);
  await c.connect();
  const lost = next(c, 'disconnected');
  server.peers[0].socket.close(3504, 'kicked');
  await lost;
  await c.connect();
  c.disconnect();
  await until(() => server.wss.clients.size === 0);
  assert.equal(timers.size, 0);
});
