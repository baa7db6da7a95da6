// Connections that are refused, lost, given up or restored, and the events that are parked meanwhile.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { WebSocket, client, code, next, until } from './setup.js';
import { GOAWAY, PING, error, event, record, serve, startServer } from './fake-server.js';

describe('connect() rejects and does not retry', () => {
  const refusals = [
    ['ERR_CONN_004', (peer) => { peer.send(error('ERR_CONN_004', 'bad key')); peer.socket.close(3500); }],
    ['ERR_CONN_005', (peer) => { peer.send(error('ERR_CONN_005', 'full')); peer.socket.close(1013); }],
    ['ERR_CONN_005', (peer) => peer.socket.close(1013)],
    ['ERR_MSG_005', (peer) => { peer.send(error('ERR_MSG_005', 'known: /')); peer.socket.close(3501); }],
    ['ERR_CONN_003', (peer) => peer.socket.terminate()],
    ['ERR_CONN_003', (peer) => peer.send(event('early'))],
  ];
  for (const [wanted, refuse] of refusals) {
    test(wanted + ' ' + refuse, async (t) => {
      const server = await serve(t, { refuse });
      const c = client(t, server.url);
      let reconnecting = 0;
      c.on('reconnecting', () => reconnecting++);
      await assert.rejects(c.connect(), code(wanted));
      await assert.rejects(c.connect(), code(wanted), 'may be called again');
      assert.equal(server.peers.length, 2);
      assert.equal(reconnecting, 0);
      assert.equal(c.connected, false);
    });
  }

  test('ERR_CONN_001 nobody listens', async (t) => {
    const server = await startServer();
    await server.close();
    await assert.rejects(client(t, server.url).connect(), code('ERR_CONN_001'));
  });

  test('ERR_CONN_001 from a WebSocket that tells of an error and of no close, as Node 22\'s', async (t) => {
    class Failing { constructor() { setTimeout(() => this.onerror({ message: 'no' }), 1); } close() {} }
    await assert.rejects(client(t, 'ws://127.0.0.1:1', { WebSocket: Failing }).connect(), code('ERR_CONN_001'));
  });

  test('ERR_CONN_002 nobody answers', async (t) => {
    const server = await serve(t, { handshake: false });
    await assert.rejects(client(t, server.url, { connectTimeout: 20 }).connect(), code('ERR_CONN_002'));
    await until(() => server.wss.clients.size === 0); // and the WebSocket is closed
  });

  test('ERR_CONN_003 without the subprotocol, or with another version', async (t) => {
    const plain = await serve(t, { handshake: false, handleProtocols: () => false });
    await assert.rejects(client(t, plain.url).connect(), code('ERR_CONN_003'));
    const future = await serve(t, { handshake: false, connection: (peer) => peer.send(record(1, [[1, 2]])) });
    await assert.rejects(client(t, future.url).connect(), code('ERR_CONN_003'));
  });

  test('ERR_CONN_004 when the server requires encryption', async (t) => {
    const server = await serve(t, { hello: [[3, [1]]] });
    await assert.rejects(client(t, server.url).connect(), code('ERR_CONN_004'));
  });

  test('disconnect() during connect()', async (t) => {
    const server = await serve(t, { handshake: false });
    const c = client(t, server.url);
    const attempt = c.connect();
    c.disconnect();
    await assert.rejects(attempt, code('ERR_CONN_006'));
  });
});

describe('reconnecting', () => {
  test('goes through the public connect, counts up and resumes events', async (t) => {
    let server = await startServer();
    const { port } = server;
    const c = client(t, server.url, { maxReconnectAttempts: -1 });
    const original = c.connect;
    let calls = 0;
    c.connect = function () { calls++; if (calls === 2) throw new Error('a wrapper that fails'); return original.call(c); };
    await c.connect();
    const attempts = [], reasons = [];
    c.on('reconnecting', (n, delay) => attempts.push([n, delay]));
    c.on('disconnected', (reason, detail) => reasons.push([reason, detail.reconnects]));
    const again = next(c, 'reconnected');
    await server.close();
    await until(() => attempts.length >= 4);
    server = await startServer({}, port);
    t.after(() => server.close());
    assert.deepEqual(await again, [false, undefined]);
    assert.deepEqual(attempts.map(([n]) => n), attempts.map((_, i) => i + 1));
    attempts.forEach(([n, delay]) => assert.ok(delay >= Math.floor(2.5 * 1.5 ** (n - 1)) && delay <= Math.ceil(7.5 * 1.5 ** (n - 1)), n + ' ' + delay));
    assert.equal(reasons.length, 1);
    assert.equal(reasons[0][1], true);
    assert.ok(calls >= 4);
    assert.equal(c.getStats().reconnects, 1);
  });

  for (const closeCode of [3500, 3503, 3504, 3999, 1008, 1002]) {
    test('never after close code ' + closeCode, async (t) => {
      const server = await serve(t, { connection: (peer) => peer.socket.close(closeCode, 'because') });
      const c = client(t, server.url);
      let reconnecting = 0;
      c.on('reconnecting', () => reconnecting++);
      const failed = next(c, 'error'), gone = next(c, 'disconnected');
      await c.connect();
      assert.deepEqual(await gone, ['because', { code: closeCode, reason: 'because', reconnects: false }]);
      await failed;
      assert.equal(reconnecting, 0);
      assert.equal(server.peers.length, 1);
    });
  }

  test('never after ERR_CONN_004 while reconnecting', async (t) => {
    const server = await serve(t, { connection: (peer) => { server.behaviour.refuse = (p) => { p.send(error('ERR_CONN_004', 'revoked')); p.socket.close(3500); }; peer.socket.terminate(); } });
    const c = client(t, server.url);
    const failed = next(c, 'error');
    await c.connect();
    assert.equal((await failed)[0].code, 'ERR_CONN_004');
    assert.equal(server.peers.length, 2);
  });

  test('after ERR_CONN_004 with 3002, when credentials have expired, and with none when they soon will', async (t) => {
    const server = await serve(t, { connection: (peer) => {
      if (peer.number > 0) return;
      peer.send(error('ERR_CONN_004', 'soon', undefined, { event: 'auth' }));
      peer.send(error('ERR_CONN_004', 'now'));
      peer.socket.close(3002, 'expired');
    } });
    const c = client(t, server.url, { reconnectDelay: 5 });
    const errors = [];
    c.on('error', (e) => errors.push([e.code, e.message, e.event]));
    const again = next(c, 'reconnected'), gone = next(c, 'disconnected');
    await c.connect();
    assert.deepEqual(await gone, ['expired', { code: 3002, reason: 'expired', reconnects: true }]);
    await again;
    assert.deepEqual(errors, [['ERR_CONN_004', 'soon', 'auth'], ['ERR_CONN_004', 'now', undefined]]);
  });

  test('a throttled client waits for retryAfter, and that attempt does not count', async (t) => {
    const server = await serve(t, { connection: (peer) => { server.behaviour.refuse = (p) => { p.send(error('ERR_CONN_007', 'throttled', undefined, { retryAfter: 40000 })); p.socket.close(1013); }; peer.socket.terminate(); } });
    const c = client(t, server.url, { maxReconnectAttempts: 1 });
    const attempts = [];
    c.on('reconnecting', (n, delay) => attempts.push(delay));
    await c.connect();
    await until(() => attempts.length === 2);
    assert.ok(attempts[0] < 40000 && attempts[1] >= 40000, attempts);
  });

  test('gives up after maxReconnectAttempts, and at once with 0', async (t) => {
    for (const max of [0, 3]) {
      const server = await startServer();
      const c = client(t, server.url, { maxReconnectAttempts: max });
      await c.connect();
      let attempts = 0;
      c.on('reconnecting', () => attempts++);
      const errors = [], gaveUp = new Promise((resolve) => c.on('error', (e) => { if (errors.push(e.code) > max) resolve(); }));
      await server.close();
      await gaveUp;
      assert.deepEqual(errors, [...Array(max).fill('ERR_CONN_001'), 'ERR_CONN_006']);
      assert.equal(attempts, max);
    }
  });

  test('disconnect() is final, also from a listener', async (t) => {
    const server = await serve(t, { connection: (peer) => peer.socket.terminate() });
    const c = client(t, server.url);
    let reconnecting = 0;
    c.on('reconnecting', () => reconnecting++);
    const gone = new Promise((resolve) => c.on('disconnected', () => { c.disconnect(); resolve(); }));
    await c.connect();
    await gone;
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(reconnecting, 0);
    const events = [];
    const d = client(t, (await serve(t)).url);
    d.on('disconnected', (reason) => events.push(reason));
    await d.connect();
    d.disconnect();
    d.disconnect();
    assert.equal(d.connected, false);
    assert.deepEqual(events, ['disconnect() was called']);
    await assert.rejects(d.emitWithAck('x'), code('ERR_CONN_006'));
    await d.connect(); // but a new connect() works
    assert.equal(d.connected, true);
  });

  test('GOAWAY moves within the window, to the named URL', async (t) => {
    const target = await serve(t);
    const server = await serve(t, { connection: (peer) => peer.send(record(GOAWAY, [[1, 1000], [2, 20], [3, target.url]])) });
    const c = client(t, server.url);
    const again = next(c, 'reconnected');
    await c.connect();
    await again;
    assert.equal(target.peers.length, 1);
    assert.equal(server.peers.length, 1);
  });

  test('GOAWAY with a huge window is capped', async (t) => {
    const server = await serve(t, {
      connection: (peer) => {
        peer.send(record(GOAWAY, [[1, 1000], [2, 2 ** 50]]));
        peer.socket.close(1001);
      },
    });
    const c = client(t, server.url, { engine: 'js' });
    const waits = next(c, 'reconnecting');
    await c.connect();
    const [attempt, delay] = await waits;
    assert.equal(attempt, 1);
    assert.ok(delay <= 30000, delay + ' ms');
  });

  test('a server that pings and then falls silent is left', async (t) => {
    const server = await serve(t, {
      heartbeat: 20,
      deaf: true,
      connection: (peer) => {
        if (peer.number > 0) return;
        const ping = () => peer.send(Buffer.from([PING, 1, 0, 0]));
        setTimeout(ping, 15);
        setTimeout(ping, 25);
      },
    });
    const c = client(t, server.url);
    await c.connect();
    const [, detail] = await next(c, 'disconnected');
    assert.equal(detail.reconnects, true);
    await next(c, 'reconnected');
  });
});

describe('the offline queue', () => {
  test('keeps order, is bounded, counts what it drops', async (t) => {
    const server = await serve(t);
    const c = client(t, server.url, { offlineQueueSize: 3 });
    const buffer = new Uint8Array([1]);
    const dropped = c.emitWithAck('first');
    c.emit('second', buffer);
    buffer[0] = 2; // the queue holds a copy
    c.emit('third');
    c.emit('fourth', 4);
    await assert.rejects(dropped, code('ERR_CONN_006'));
    assert.deepEqual([c.getStats().queued, c.getStats().dropped], [3, 1]);
    c.on('connected', () => c.emit('fifth'));
    await c.connect();
    await until(() => server.peers[0].messages.length === 4);
    assert.deepEqual(server.peers[0].messages.map((m) => m.event), ['fifth', 'second', 'third', 'fourth'], 'what the listener sends comes first');
    assert.equal(server.peers[0].messages[1].payload[0], 1);
  });

  test('drops what is too old or whose ack timed out', async (t) => {
    const server = await serve(t);
    const c = client(t, server.url, { offlineQueueAge: 1000, ackTimeout: 5 });
    let time = 0;
    t.mock.method(performance, 'now', () => time);
    c.emit('old');
    time = 1001;
    await assert.rejects(c.emitWithAck('waits'), code('ERR_ACK_001'));
    c.emit('young');
    await c.connect();
    await until(() => server.peers[0].messages.length === 1);
    assert.equal(server.peers[0].messages[0].event, 'young');
    assert.equal(c.getStats().dropped, 2);
  });

  test('off: emit fails visibly', async (t) => {
    const server = await serve(t);
    const c = client(t, server.url, { offlineQueue: false });
    const raised = next(c, 'error');
    assert.equal(c.emit('x'), false);
    assert.equal((await raised)[0].code, 'ERR_CONN_006');
    await assert.rejects(c.emitWithAck('x'), code('ERR_CONN_006'));
  });
});
