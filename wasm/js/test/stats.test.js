// What getStats counts, each counter against what a server saw, and when it may be asked.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { WebSocket, client, code, next, source, until } from './setup.js';
import { ACK, EVENT, PING, ackOf, error, event, serve, uvarint } from './fake-server.js';

const { startEngine } = await source('engine-wasm.js');

// grown resolves with what has changed of c's statistics during f, without what depends on time.
async function grown(c, f) {
  const before = c.getStats();
  await f();
  const after = c.getStats(), out = {};
  for (const name in after) {
    if (typeof after[name] === 'number' && !['uptime', 'rtt', 'clockOffset'].includes(name) && after[name] !== before[name]) out[name] = after[name] - before[name];
  }
  return out;
}

describe('statistics', () => {
  for (const engine of ['js', 'wasm']) {
    test('count every message and byte of both directions, on engine ' + engine, async (t) => {
      const sizes = [];
      class Counting extends WebSocket { send(data) { sizes.push(data.length); super.send(data); } }
      const server = await serve(t, { message: (peer, m) => { if (m.kind === EVENT && m.ack) peer.send(ackOf(m.ack, '1')); } });
      const c = client(t, server.url, { engine, WebSocket: Counting });
      await c.connect();
      const peer = server.peers[0], sent = () => sizes.reduce((sum, n) => sum + n, 0);
      let from = sent();
      const emitting = await grown(c, async () => {
        c.emit('a', 1);
        c.emit('b', new Uint8Array(300));
        await until(() => peer.messages.length === 2);
      });
      assert.deepEqual(emitting, { messagesSent: 2, bytesSent: sent() - from });
      from = sent();
      const asking = await grown(c, () => c.emitWithAck('c', 'x'));
      assert.deepEqual(asking, { messagesSent: 1, messagesReceived: 1, bytesSent: sent() - from, bytesReceived: ackOf(1, '1').length });
      const listening = await grown(c, async () => {
        const end = next(c, 'end');
        peer.send(event('nobody', '1'));
        peer.send(event('end', '2'));
        await end;
      });
      assert.deepEqual(listening, { messagesReceived: 2, bytesReceived: event('nobody', '1').length + event('end', '2').length });
      c.on('asked', (_data, answer) => answer('yes'));
      from = sent();
      const question = event('asked', '3', { ack: 9 });
      const answering = await grown(c, async () => {
        peer.send(question);
        await until(() => peer.messages.some((m) => m.kind === ACK));
      });
      assert.deepEqual(answering, { messagesSent: 1, messagesReceived: 1, bytesSent: sent() - from, bytesReceived: question.length });
    });
  }

  test('count what made no sense, and answers that nobody waits for', async (t) => {
    const server = await serve(t), c = client(t, server.url);
    c.on('error', () => {});
    await c.connect();
    const peer = server.peers[0], odd = await grown(c, async () => {
      const end = next(c, 'end');
      for (const b of [Buffer.from([EVENT, 0]), ackOf(77, '1'), error('ERR_X_001', 'of nothing', 78), event('connected'), event('end')]) peer.send(b);
      await end;
    });
    assert.deepEqual([odd.invalidMessages, odd.unknownAcks], [2, 2]);
  });

  test('go on over connections; what is parked, dropped and open is told', async (t) => {
    const server = await serve(t), c = client(t, server.url, { offlineQueueSize: 2 });
    await c.connect();
    c.emit('one', 1);
    await until(() => server.peers[0].messages.length === 1);
    const before = c.getStats(), away = next(c, 'disconnected');
    server.peers[0].socket.terminate();
    await away;
    const lost = c.getStats();
    assert.deepEqual([lost.messagesSent, lost.bytesSent, lost.bytesReceived], [before.messagesSent, before.bytesSent, before.bytesReceived]);
    assert.deepEqual([lost.connected, lost.uptime, lost.encrypted, lost.reconnects], [false, 0, false, 0]);
    c.emit('two');
    c.emit('three', 1, () => {});
    c.emit('four');
    const parked = c.getStats();
    assert.deepEqual([parked.queued, parked.dropped, parked.pendingAcks, parked.messagesSent], [2, 1, 1, before.messagesSent]);
    await next(c, 'reconnected');
    await until(() => server.peers[1].messages.length === 2);
    const back = c.getStats();
    assert.deepEqual([back.reconnects, back.queued, back.messagesSent], [1, 0, before.messagesSent + 2]);
    assert.ok(back.bytesSent > before.bytesSent && back.bytesReceived > before.bytesReceived);
  });

  test('the clock and the round trip come with a ping', async (t) => {
    const server = await serve(t), c = client(t, server.url);
    await c.connect();
    server.peers[0].send(Buffer.concat([Buffer.from([PING]), uvarint(BigInt(Date.now() + 100000) * 1000n), uvarint(4000), uvarint(0)]));
    await until(() => c.getStats().rtt === 4);
    assert.ok(c.getStats().clockOffset > 90000);
  });

  // An application may ask at any moment, from the first line on.
  test('can be asked at any time: before connecting, while the engine loads, during the handshake, after a failure, at the end', async (t) => {
    const server = await serve(t, { handshake: false });
    const idle = (c, engine) => {
      const { connected, uptime, rtt, encrypted, pendingAcks, engine: name } = c.getStats();
      assert.deepEqual([connected, uptime, rtt, encrypted, pendingAcks, name], [false, 0, 0, false, 0, engine]);
    };
    const c = client(t, server.url, { engine: 'wasm', wasmURL: new URL('?' + Math.random(), import.meta.url).href, maxReconnectAttempts: 1 });
    idle(c, '');
    const failed = assert.rejects(c.connect(), code('ERR_CONN_003'));
    idle(c, ''); // the engine is being loaded; this file is none
    await failed;
    idle(c, '');
    c.disconnect();
    idle(c, '');
    const js = client(t, server.url, { engine: 'js' }), connecting = js.connect().catch(() => {});
    await until(() => server.peers.length === 1);
    idle(js, 'js');
    js.disconnect();
    await connecting;
    idle(js, '');
  });
});

// The engine comes as a stream where that is possible, otherwise as bytes.
test('a wasm engine is compiled while it arrives only if the browser can and the type is right', async (t) => {
  const real = Object.fromEntries(['instantiate', 'instantiateStreaming'].map((name) => [name, WebAssembly[name]]));
  t.after(() => Object.assign(WebAssembly, real));
  class Go { run() {} }
  const bytes = new Uint8Array([0, 97, 115, 109]);
  const response = (type, ok = true) => ({ ok, status: 404, url: 'there', headers: { get: () => type }, arrayBuffer: () => Promise.resolve(bytes) });
  const ways = async (source, streaming = true) => {
    const calls = [];
    WebAssembly.instantiate = (found) => { calls.push(found); return Promise.reject(new Error('tried')); };
    WebAssembly.instantiateStreaming = streaming ? (found) => { calls.push(found); return Promise.reject(new Error('tried')); } : undefined;
    await assert.rejects(startEngine(Go, Promise.resolve(source), Error), /tried|answered 404/);
    return calls;
  };
  for (const type of ['application/wasm', 'Application/WASM; charset=utf-8']) {
    const r = response(type);
    assert.deepEqual(await ways(r), [r]);
    assert.deepEqual(await ways(r, false), [bytes], 'a browser that cannot');
  }
  for (const type of ['', null, 'text/html', 'application/octet-stream', 'x application/wasm']) assert.deepEqual(await ways(response(type)), [bytes], 'type ' + type);
  assert.deepEqual(await ways(response('application/wasm', false)), [], 'an answer that is an error');
  assert.deepEqual(await ways(bytes), [bytes], 'the bytes of a file');
});
