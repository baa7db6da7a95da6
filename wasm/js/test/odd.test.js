// What applications do that no manual shows: callbacks that emit again, waits without end,
// asynchronous listeners, data that JSON loses.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { WebSocket, client, code, createLogger, next, until } from './setup.js';
import { ERROR, PING, event, serve, uvarint } from './fake-server.js';

const NOWHERE = 'ws://127.0.0.1:1';

describe('odd uses', () => {
  test('a callback that emits again at once does not stop the page', async (t) => {
    for (const options of [{ offlineQueueSize: 2 }, { offlineQueue: false }]) {
      const c = client(t, NOWHERE, options);
      let calls = 0, end = false;
      const again = (_response, e) => { assert.equal(e.code, 'ERR_CONN_006'); if (++calls < 100000 && !end) c.emit('again', 1, again); };
      for (let i = 0; i < 3; i++) c.emit('again', 1, again);
      await until(() => calls > 10);
      c.disconnect();
      await until(() => calls > 300); // from now on events are refused, and the callback learns it
      end = true;
      assert.ok(calls < 100000, 'other work gets its turn');
      await until(() => c.getStats().pendingAcks === 0);
    }
  });

  test('a callback that emits again when its wait was given up does not keep disconnect from returning', async (t) => {
    const server = await serve(t);
    const c = client(t, server.url, { maxReconnectAttempts: 1 });
    let calls = 0;
    await c.connect();
    await server.close();
    await next(c, 'disconnected');
    const again = () => { if (++calls < 300) c.emit('again', 1, again); };
    c.emit('again', 1, again);
    const given = await new Promise((resolve) => c.on('error', (e) => { if (e.code === 'ERR_CONN_006') resolve(e); }));
    assert.equal(given.cause.code, 'ERR_CONN_001');
    assert.ok(calls < 300);
  });

  test('a wait longer than a timer can count does not end at once', async (t) => {
    const server = await serve(t, { message: (peer, m) => { if (m.event === 'go') peer.send(event('gone')); } });
    const c = client(t, server.url, { ackTimeout: Infinity, connectTimeout: Infinity });
    await c.connect();
    const outcome = [];
    for (const timeout of [undefined, Infinity, 2 ** 31]) c.emitWithAck('silent', 1, { timeout }).catch((e) => outcome.push(e.code));
    for (let i = 0; i < 3; i++) {
      const gone = next(c, 'gone');
      setTimeout(() => c.emit('go'), 5);
      await gone;
    }
    assert.deepEqual(outcome, []);
    assert.equal(c.getStats().pendingAcks, 3);
  });

  test('an asynchronous listener that fails is logged and fails its ack', async (t) => {
    t.mock.method(console, 'error', () => {});
    const server = await serve(t, { connection: (peer) => peer.send(event('question', '1', { ack: 5 })) });
    const c = client(t, server.url);
    c.on('question', async () => { await null; throw new Error('on purpose'); });
    c.on('connected', async () => { throw new Error('on purpose'); });
    await c.connect();
    await until(() => server.peers[0].messages.length === 1);
    const answer = server.peers[0].messages[0];
    assert.deepEqual([answer.kind, answer.ack, JSON.parse(answer.text).code], [ERROR, 5n, 'ERR_APP_002']);
    assert.equal(console.error.mock.callCount(), 2);
  });

  test('what JSON would make nothing of is refused', (t) => {
    const c = client(t, NOWHERE);
    for (const data of [new Blob(['x']), new Map([[1, 2]]), new Set([1]), new SharedArrayBuffer(8), Promise.resolve(1), new Error('x'), /x/]) {
      const name = data.constructor.name;
      assert.throws(() => c.emit('x', data), (e) => e.code === 'ERR_MSG_001' && e.message.includes(name), name);
    }
    assert.throws(() => c.emit('x', 1n), code('ERR_MSG_001'));
    for (const data of [{}, Object.create(null), new Date(0), [], NaN, new Uint8Array(new SharedArrayBuffer(2))]) assert.equal(c.emit('x', data), true);
  });

  test('an answer that is too large, and an error listener that disconnects', async (t) => {
    const server = await serve(t, { maxMessageBytes: 1000, connection: (peer) => peer.send(event('question', '1', { ack: 5 })) });
    const c = client(t, server.url), failed = next(c, 'error');
    let thrown = null;
    c.once('error', () => c.disconnect());
    c.on('question', (_data, ack) => { try { ack('x'.repeat(2000)); } catch (e) { thrown = e; } });
    await c.connect();
    assert.equal((await failed)[0].code, 'ERR_MSG_004');
    assert.equal(thrown, null);
    await until(() => server.peers[0].messages.length === 1);
    assert.equal(JSON.parse(server.peers[0].messages[0].text).code, 'ERR_MSG_004');
  });

  test('disconnect in the callback of a lost ack: nothing comes back, and "disconnected" says so', async (t) => {
    const server = await serve(t, { message: (peer) => peer.socket.terminate(), token: '' });
    const c = client(t, server.url), lost = next(c, 'disconnected');
    await c.connect();
    c.emit('x', 1, () => c.disconnect());
    const [, detail] = await lost;
    assert.equal(detail.reconnects, false);
    assert.equal(server.peers.length, 1);
  });

  test('a page that was busy when a ping came does not shift the clock, one that was set does', async (t) => {
    const server = await serve(t), c = client(t, server.url);
    await c.connect();
    const ping = async (behind, rtt) => {
      const pongs = server.peers[0].messages.length;
      server.peers[0].send(Buffer.concat([Buffer.from([PING]), uvarint((Date.now() - behind) * 1000), uvarint(rtt * 1000), uvarint(0)]));
      await until(() => server.peers[0].messages.length > pongs);
      return c.getStats().clockOffset;
    };
    await ping(100000, 1); // it came late
    await ping(0, 2);
    const offset = await ping(100000, 1); // as this one
    assert.ok(Math.abs(offset) < 40000, 'offset ' + offset);
    for (let i = 0; i < 7; i++) await ping(200000, 1);
    const after = await ping(200000, 1);
    assert.ok(after < -150000, 'offset ' + after);
  });

  test('what is emitted while the socket is closing goes out with the next connection', async (t) => {
    const server = await serve(t), sockets = [];
    class Watched extends WebSocket { constructor(...args) { super(...args); sockets.push(this); } }
    const c = client(t, server.url, { WebSocket: Watched });
    await c.connect();
    sockets[0].close();
    assert.equal(c.connected, true); // the client does not know yet
    assert.equal(c.emit('late', 1), true);
    assert.equal(c.getStats().queued, 1);
    await next(c, 'reconnected');
    await until(() => server.peers[1].messages.length === 1);
    assert.equal(server.peers[1].messages[0].event, 'late');
  });

  test('an engine whose URL is none is a failed attempt, or done without', async (t) => {
    const server = await serve(t), lines = [], wasmURL = 'http://[';
    await assert.rejects(client(t, server.url, { engine: 'wasm', wasmURL }).connect(), code('ERR_CONN_003'));
    const log = createLogger((level, text) => lines.push(text)), c = client(t, server.url, { engine: 'auto', wasmURL, logger: log });
    await c.connect();
    await until(() => lines.length === 1);
    assert.match(lines[0], /did not load.*URL/);
    assert.equal(c.getStats().engine, 'js');
  });
});
