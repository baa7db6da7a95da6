// What runtimes and frameworks do to a client: they proxy it, mount it twice, abort it, cut its
// network, and lack what browsers have.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { getEventListeners } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, mock, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import * as vue from 'vue';
import { WebSocket, client, code, dist, next, source, until } from './setup.js';
import { GOAWAY, ackOf, event, record, serve } from './fake-server.js';

const turns = async (n = 5) => { for (let i = 0; i < n; i++) await new Promise((resolve) => setImmediate(resolve)); };

// program runs an ES module in a Node of its own and returns what it prints.
async function program(text, options = [], folder = dist) {
  const { stdout, stderr } = await promisify(execFile)(process.execPath,
    [...options, '--input-type=module', '--eval', text], { cwd: folder, env: { ...process.env, NODE_NO_WARNINGS: '1', NODE_TEST_CONTEXT: '' } });
  return stdout + stderr;
}
const urlOf = (file, folder = dist) => JSON.stringify(pathToFileURL(join(folder, file)).href);

// copyOf copies files of the package to a folder where nothing else is.
function copyOf(t, ...files) {
  const folder = mkdtempSync(join(tmpdir(), 'smartsocket-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const file of [...files, 'package.json']) copyFileSync(join(dist, file), join(folder, file));
  return folder;
}

describe('behind the proxies of Vue', () => {
  const homes = {
    'reactive, as data() and Pinia do': (c) => vue.reactive({ c }),
    ref: (c) => { const box = vue.ref(c); return { get c() { return box.value; } }; },
    'readonly of reactive': (c) => vue.readonly(vue.reactive({ c })),
  };
  for (const [name, put] of Object.entries(homes)) {
    test(name, async (t) => {
      const server = await serve(t, { recover: true, received: 0, message: (peer, m) => { if (m.ack) peer.send(ackOf(m.ack, '"' + m.event + '"')); else peer.send(event('told', '7')); } });
      const raw = client(t, server.url), home = put(raw), heard = [];
      assert.ok(vue.isProxy(home.c) && home.c !== raw);
      for (const what of ['connected', 'disconnected', 'reconnected', 'told']) home.c.on(what, () => heard.push(what));
      await home.c.connect();
      assert.equal(await home.c.emitWithAck('ask', 1), 'ask');
      const told = next(home.c, 'told');
      home.c.emit('tell');
      await told;
      const back = next(home.c, 'reconnected');
      server.peers[0].socket.terminate();
      await back;
      assert.deepEqual(heard, ['connected', 'told', 'disconnected', 'connected', 'reconnected']);
      assert.ok(home.c.connected && home.c.getStats().reconnects === 1);
      home.c.disconnect();
      assert.equal(raw.connected, false);
    });
  }
});

test('a client that is mounted, unmounted and mounted again makes no noise', async (t) => {
  const server = await serve(t), loud = [], hear = (reason) => loud.push(reason);
  process.on('unhandledRejection', hear);
  t.after(() => process.off('unhandledRejection', hear));
  const first = client(t, server.url), second = client(t, server.url);
  first.connect();
  first.disconnect();
  const attempt = first.connect();
  first.disconnect();
  await assert.rejects(attempt, code('ERR_CONN_006')); // who asks is told
  await second.connect();
  const { observe } = await source('observe.js'); // an adapter wraps connect()
  observe(first).subscribe(() => {});
  first.connect();
  first.disconnect();
  await turns();
  assert.deepEqual(loud, []);
});

describe('an AbortSignal keeps no listener', () => {
  const listeners = (stop) => getEventListeners(stop.signal, 'abort').length;

  test('of a question that could not be sent', async (t) => {
    const server = await serve(t), stop = new AbortController(), c = client(t, server.url, { offlineQueue: false });
    await assert.rejects(c.emitWithAck('ask', 1n, stop), code('ERR_MSG_001'));
    assert.equal(listeners(stop), 0);
    await assert.rejects(c.emitWithAck('ask', 1, stop), code('ERR_CONN_006'));
    assert.equal(listeners(stop), 0);
    await c.connect();
    await assert.rejects(c.emitWithAck('ask', 'x'.repeat(2 << 20), stop), code('ERR_MSG_004'));
    assert.equal(listeners(stop), 0);
  });

  test('of questions that were answered, or that it ended itself', async (t) => {
    const server = await serve(t, { message: (peer, m) => { if (m.event === 'ask') peer.send(ackOf(m.ack, '1')); } });
    const stop = new AbortController(), c = client(t, server.url);
    await c.connect();
    await Promise.all(Array.from({ length: 50 }, () => c.emitWithAck('ask', 1, stop)));
    assert.equal(listeners(stop), 0);
    const waits = Array.from({ length: 50 }, () => c.emitWithAck('silent', 1, stop));
    assert.equal(listeners(stop), 50);
    stop.abort(new Error('enough'));
    for (const wait of await Promise.allSettled(waits)) assert.match(wait.reason.message, /enough/);
    assert.equal(listeners(stop), 0);
  });
});

describe('disconnect() leaves nothing behind', () => {
  // recording returns the WebSockets that clients open with this class.
  const recording = () => {
    const made = [];
    return [class extends WebSocket { constructor(...args) { super(...args); made.push(this); } }, made];
  };

  test('when the network is dead', async (t) => {
    const server = await serve(t), [Recorded, made] = recording(), c = client(t, server.url, { WebSocket: Recorded });
    await c.connect();
    server.peers[0].socket._socket.pause(); // it never reads our close frame
    mock.timers.enable({ apis: ['setTimeout'] });
    t.after(() => mock.timers.reset());
    const closed = new Promise((resolve) => made[0].on('close', resolve));
    c.disconnect();
    mock.timers.tick(1000);
    await closed;
  });

  test('and sends what is still on its way when the other side reads slowly', async (t) => {
    const server = await serve(t, { maxMessageBytes: 16 << 20 }), [Recorded, made] = recording();
    const c = client(t, server.url, { WebSocket: Recorded, compression: false });
    await c.connect();
    const { _socket: slow } = server.peers[0].socket;
    slow.pause();
    mock.timers.enable({ apis: ['setTimeout'] });
    t.after(() => mock.timers.reset());
    const closed = new Promise((resolve) => made[0].on('close', resolve));
    c.emit('large', 'x'.repeat(8 << 20));
    c.disconnect();
    mock.timers.tick(500); // the first look: much is unsent, and some of it may have gone
    slow.resume();
    assert.notEqual(made[0].readyState, 3);
    await closed;
    assert.equal(server.peers[0].messages[0].payload.length, (8 << 20) + 2);
  });

  test('after GOAWAY', async (t) => {
    const server = await serve(t), c = client(t, server.url), timers = new Set();
    const { setTimeout: set, clearTimeout: clear } = globalThis;
    await c.connect();
    globalThis.setTimeout = (f, ...rest) => { const timer = set(() => { timers.delete(timer); f(); }, ...rest); timers.add(timer); return timer; };
    globalThis.clearTimeout = (timer) => { timers.delete(timer); clear(timer); };
    t.after(() => Object.assign(globalThis, { setTimeout: set, clearTimeout: clear }));
    mock.method(Math, 'random', () => 0.99);
    t.after(() => mock.restoreAll());
    server.peers[0].send(record(GOAWAY, [[1, 30000], [2, 30000]]));
    server.peers[0].send(event('last'));
    await next(c, 'last');
    assert.equal(timers.size, 1);
    const closed = new Promise((resolve) => server.peers[0].socket.on('close', resolve));
    c.disconnect();
    await closed;
    for (let i = 0; i < 1000 && timers.size > 0; i++) await turns();
    assert.equal(timers.size, 0);
  });
});

test('the delays grow from a floor', async () => {
  const { backoff } = await source('backoff.js');
  assert.equal(backoff(1, 0, 0.5), 5);
  assert.equal(backoff(11, 0, 0.5), 288);
  assert.equal(backoff(1, 5, 0.5), 5);
});

describe('data that JSON would change', () => {
  const bytes = new Uint8Array([1, 2]);
  const refused = [
    [{ name: 'x', img: bytes.buffer }, /\[object ArrayBuffer\] at \.img/],
    [{ list: [1, { img: bytes }] }, /\[object Uint8Array\] at \.list\[1\]\.img/],
    [[new Uint8Array(0)], /at \[0\]/], [{ view: new DataView(bytes.buffer) }, /DataView\] at \.view/],
    [{ file: Buffer.from('abc') }, /at \.file/], [{ empty: Buffer.alloc(0) }, /at \.empty/],
    [{ all: new Map([[1, 2]]) }, /it is \[object Map\] at \.all/], [{ set: new Set([1]) }, /at \.set/],
    [{ why: new Error('x') }, /at \.why/], [{ blob: new Blob(['x']) }, /at \.blob/], [new Map(), /it is \[object Map\]/],
    [{ big: [new BigInt64Array(1)] }, /BigInt64Array\] at \.big\[0\]/], [{ a: { b: 1n } }, /BigInt\] at \.a\.b/], [{ a: { toJSON: () => ({ img: bytes }) } }, /Uint8Array\] at \.a\.img/],
    [Symbol('x'), /it is \[object Symbol\]/],
  ];
  const plain = [{}, [], [{}], { a: {} }, { 0: 'zero' }, { a: { 0: {} } }, { type: 'Buffer', data: [1] }, 'a {} in text', { s: '{}' },
    { at: new Date(0), a: {} }, { a: Object(''), b: {} }, Object.create(null), { toJSON: () => ({}) }, { toJSON() { return this; }, a: {} }, { a: null, b: {} }];

  test('is refused with its path', async (t) => {
    const server = await serve(t), c = client(t, server.url);
    await c.connect();
    for (const [data, why] of refused) {
      assert.throws(() => c.emit('x', data), (e) => code('ERR_MSG_001')(e) && why.test(e.message), String(why));
    }
    for (const data of plain) c.emit('x', data);
    await until(() => server.peers[0].messages.length === plain.length);
    server.peers[0].messages.forEach((m, i) => assert.equal(m.text, JSON.stringify(plain[i])));
  });

  test('in an answer becomes an error', async (t) => {
    const server = await serve(t), c = client(t, server.url), lines = [];
    mock.method(console, 'error', (...args) => lines.push(args.join(' ')));
    t.after(() => mock.restoreAll());
    c.on('ask', (data, ack) => ack({ img: bytes }));
    await c.connect();
    server.peers[0].send(event('ask', '1', { ack: 1 }));
    await until(() => server.peers[0].messages.length === 1);
    assert.equal(JSON.parse(server.peers[0].messages[0].text).code, 'ERR_APP_002');
    assert.match(lines.join(), /at \.img/);
  });
});

test("a WebSocket that somebody has put in the place of Node's is used as it is", async (t) => {
  const { nodeSocket } = await source('node-socket.js'), own = globalThis.WebSocket, slot = Symbol.for('undici.globalDispatcher.1');
  await fetch('data:,'); // which fills the slot
  assert.ok(globalThis[slot]);
  class Other { constructor(url, protocols) { this.protocols = protocols; } }
  assert.equal(nodeSocket(Other), Other);
  assert.equal(nodeSocket(WebSocket), WebSocket);
  if (!own) return;
  const socket = new (nodeSocket(own))('ws://127.0.0.1:1', ['x']);
  socket.onerror = () => {}; // nobody listens there
  assert.equal(typeof socket.terminate, 'function');
});

describe('in worlds that lack something', () => {
  test('DEBUG counts when it is set after the import', async () => {
    const level = (set) => program(`import { logger } from ${urlOf('js.js')}; process.env.DEBUG = ${JSON.stringify(set)}; console.log(logger.enabled('debug'), logger.enabled('trace'));`);
    for (const set of ['*', 'smartsocket', 'smartsocket:*', 'express:*,smartsocket:*', 'a *']) assert.equal(await level(set), 'true false\n', set);
    for (const set of ['', 'smartsockets', 'express:*', 'notsmartsocket:*']) assert.equal(await level(set), 'false false\n', set);
    assert.equal(await program(`import { logger } from ${urlOf('js.js')}; logger.setLevel('error'); process.env.DEBUG = '*'; console.log(logger.enabled('debug'));`), 'false\n');
  });

  test('the static build needs no TextEncoder and loads nothing later', async (t) => {
    const server = await serve(t, { message: (peer, m) => peer.send(ackOf(m.ack, m.payload)) });
    const ws = JSON.stringify(import.meta.resolve('ws'));
    const talk = `
      import { WebSocket } from ${ws};
      delete globalThis.TextEncoder; delete globalThis.TextDecoder;
      const { SmartSocketClient } = await import(${urlOf('static.js', copyOf(t, 'static.js'))});
      const c = new SmartSocketClient(${JSON.stringify(server.url)}, { WebSocket });
      await c.connect();
      console.log(await c.emitWithAck('grüße 🎮', { text: 'grüße 🎮' }));
      c.disconnect();`;
    assert.equal(await program(talk), "{ text: 'grüße 🎮' }\n");
    assert.equal(server.connects[0].get(14)[0] & 1, 1, 'it can inflate');
  });

  test('a part that cannot be loaded says what to do', async (t) => {
    const folder = copyOf(t, 'js.js'), server = await serve(t, { hello: [[3, [1]]] }), { SmartSocketClient } = await import(pathToFileURL(join(folder, 'js.js')));
    const c = new SmartSocketClient(server.url, { WebSocket, compression: false, encryptionKey: Buffer.from(Array.from({ length: 32 }, (_, i) => i)).toString('base64') });
    await assert.rejects(c.connect(), (e) => e.code === 'ERR_CONN_003' && /sealing\.js did not load: .*@smartsocket\/client\/static/.test(e.message) && !!e.cause);
  });

  test('a Node without a WebSocket says why package ws did not load', async (t) => {
    const folder = copyOf(t, 'js.js', 'node.js', 'js.cjs', 'node.cjs');
    const old = Number(process.versions.node.split('.')[0]) < 22 ? [] : ['--no-experimental-websocket'];
    for (const file of ['node.js', 'node.cjs']) {
      const told = await program(`import { SmartSocketClient } from ${urlOf(file, folder)}; await new SmartSocketClient('ws://127.0.0.1:1').connect().catch((e) => console.log(e.message));`, old, folder);
      assert.match(told, /npm install ws.*\(Cannot find (module|package) 'ws'/);
    }
  });
});

test("Node's own WebSocket tells how the upgrade was refused", async (t) => {
  const http = createServer(), flag = Number(process.versions.node.split('.')[0]) < 22 ? ['--experimental-websocket'] : [];
  http.on('upgrade', (request, socket) => {
    const [status, ...head] = decodeURI(request.url.slice(1)).split('/');
    socket.end(['HTTP/1.1 ' + status, ...head, 'Content-Length: 0', '', ''].join('\r\n'));
  });
  t.after(() => http.close());
  const port = await new Promise((resolve) => http.listen(0, '127.0.0.1', () => resolve(http.address().port)));
  const said = await program(`import { SmartSocketClient } from ${urlOf('node.js')};
    for (const path of ['429%20No/retry-After:%207', '503%20No', '403%20No']) {
      const client = new SmartSocketClient('ws://127.0.0.1:${port}/' + path, { engine: 'js' });
      const e = await client.connect().catch((e) => e);
      console.log(e.code, e.retryAfter, e.message.match(/throttled|no more connections|did not accept.*403/)?.[0].slice(0, 14));
    }`, flag);
  assert.equal(said, 'ERR_CONN_007 7000 throttled\nERR_CONN_005 undefined no more connec\nERR_CONN_003 undefined did not accept\n');
});
