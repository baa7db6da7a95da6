// The client against a server that misbehaves on demand, on both engines.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { WebSocket, client, code, jsEngine, next, source, until } from './setup.js';
import { ACK, ERROR, EVENT, PING, PONG, ackOf, error, event, serve, uvarint } from './fake-server.js';

for (const engine of ['js', 'wasm']) {
  describe('shell on engine ' + engine, () => {
    const make = (t, server, options) => client(t, server.url, { engine, ...options });

    test('connects, tells id and namespace', async (t) => {
      const server = await serve(t);
      const c = make(t, server, { namespace: 'chat/', apiKey: 'k€y' });
      const events = [];
      c.on('connected', () => events.push('connected'));
      await c.connect();
      assert.equal(c.connected, true);
      assert.equal(c.id, 's_0');
      assert.deepEqual(events, ['connected']);
      const fields = server.connects[0];
      assert.equal(fields.get(10).toString(), '/chat');
      assert.equal(fields.get(11).toString(), 'k€y');
      assert.equal(fields.get(2).length, 32);
      assert.notDeepEqual(fields.get(2), Buffer.alloc(32));
      assert.equal(server.peers[0].request.url, '/', 'the key never rides in the URL');
      assert.equal(c.getStats().engine, engine);
      await c.connect(); // connected: resolves, opens nothing
      assert.equal(server.peers.length, 1);
    });

    test('connect called twice shares one attempt', async (t) => {
      const server = await serve(t);
      const c = make(t, server);
      await Promise.all([c.connect(), c.connect()]);
      assert.equal(server.peers.length, 1);
    });

    test('emits JSON, no data, null and binary as they are', async (t) => {
      const server = await serve(t);
      const c = make(t, server);
      await c.connect();
      c.emit('none');
      c.emit('null', null);
      c.emit('text', 'grüße 🎮');
      c.emit('object', { a: [1, 2.5], b: '' });
      c.emit('bytes', new Uint8Array([0, 255, 7]).subarray(1));
      c.emit('floats', new Float32Array([1.5]));
      c.emit('buffer', new ArrayBuffer(0));
      c.send('long', 'é'.repeat(100000));
      await until(() => server.peers[0].messages.length === 8);
      const [none, nil, text, object, bytes, floats, buffer, long] = server.peers[0].messages;
      assert.equal(none.text, '');
      assert.equal(none.flags, 0);
      assert.equal(nil.text, 'null');
      assert.equal(text.text, '"grüße 🎮"');
      assert.deepEqual(JSON.parse(object.text), { a: [1, 2.5], b: '' });
      assert.equal(bytes.flags, 0x20);
      assert.deepEqual([...bytes.payload], [255, 7]);
      assert.equal(floats.payload.readFloatLE(0), 1.5);
      assert.equal(buffer.flags, 0x20);
      assert.equal(buffer.payload.length, 0);
      assert.equal(JSON.parse(long.text).length, 100000);
    });

    test('receives JSON, no data, null and binary as they are', async (t) => {
      const server = await serve(t, {
        connection: (peer) => {
          peer.send(event('none'));
          peer.send(event('null', 'null'));
          peer.send(event('object', '{"__proto__":{"x":1},"a":"ü"}'));
          peer.send(event('bytes', [1, 2, 3, 4], { binary: true }));
          peer.send(event('empty', [], { binary: true }));
          peer.send('{"event":"json","data":[1]}');
          peer.send(event('last'));
        },
      });
      const c = make(t, server);
      const got = [];
      for (const name of ['none', 'null', 'object', 'bytes', 'empty', 'json']) c.on(name, (data) => got.push(data));
      const last = next(c, 'last');
      await c.connect();
      await last;
      assert.equal(got[0], undefined);
      assert.equal(got[1], null);
      assert.equal(got[2].a, 'ü');
      assert.equal(({}).x, undefined);
      assert.ok(got[3] instanceof ArrayBuffer);
      assert.deepEqual([...new Uint8Array(got[3])], [1, 2, 3, 4]);
      assert.ok(got[4] instanceof ArrayBuffer);
      assert.equal(got[4].byteLength, 0);
      assert.deepEqual(got[5], [1]);
    });

    test('names of Object.prototype are plain event names', async (t) => {
      const before = Object.getOwnPropertyNames(Object.prototype).sort();
      const names = ['constructor', 'toString', 'hasOwnProperty', '__proto__', 'valueOf'];
      const server = await serve(t, { connection: (peer) => names.concat('end').forEach((n) => peer.send(event(n, '1'))) });
      const c = make(t, server);
      const got = [];
      for (const name of names) c.on(name, () => got.push(name));
      const end = next(c, 'end');
      await c.connect();
      await end;
      assert.deepEqual(got, names);
      c.emit('constructor', 1);
      c.off('toString').off('__proto__');
      assert.throws(() => c.emit('__proto__', 1), code('ERR_MSG_001'));
      await until(() => server.peers[0].messages.length === 1);
      assert.deepEqual(Object.getOwnPropertyNames(Object.prototype).sort(), before);
    });

    test('an ack settles exactly once: reply, binary reply, error, timeout', async (t) => {
      const server = await serve(t, {
        message: (peer, m) => {
          if (m.event === 'reply') { peer.send(ackOf(m.ack, '{"ok":true}')); peer.send(ackOf(m.ack, '{"ok":false}')); }
          if (m.event === 'binary') peer.send(ackOf(m.ack, [9], true));
          if (m.event === 'void') peer.send(ackOf(m.ack));
          if (m.event === 'fail') peer.send(error('ERR_APP_001', 'no', m.ack, { event: 'fail', retryAfter: 5, details: { price: [5] } }));
          if (m.event === 'garbage') peer.send(ackOf(m.ack, '{'));
        },
      });
      const c = make(t, server);
      await c.connect();
      const calls = [];
      c.emit('reply', 1, (response, e) => calls.push([response, e]));
      assert.deepEqual(new Uint8Array(await c.emitWithAck('binary')), new Uint8Array([9]));
      assert.equal(await c.emitWithAck('void'), undefined);
      await assert.rejects(c.emitWithAck('fail'), (e) => code('ERR_APP_001')(e) && e.retryAfter === 5 && e.event === 'fail' && e.details.price[0] === 5);
      await assert.rejects(c.emitWithAck('garbage'), code('ERR_ACK_002'));
      await assert.rejects(c.emitWithAck('silent', 1, { timeout: 5 }), code('ERR_ACK_001'));
      assert.deepEqual(calls, [[{ ok: true }, undefined]]);
      assert.equal(c.getStats().unknownAcks, 1);
      assert.equal(c.getStats().pendingAcks, 0);
      const abort = new AbortController();
      const pending = c.emitWithAck('silent', 1, { signal: abort.signal });
      abort.abort(new Error('changed my mind'));
      await assert.rejects(pending, /changed my mind/);
      await assert.rejects(c.emitWithAck('silent', 1, { signal: abort.signal }), /changed my mind/);
      assert.equal(c.getStats().pendingAcks, 0);
      const without = new AbortController(), asked = c.emitWithAck('silent', 1, { signal: without.signal });
      without.abort(null); // a reason that is none
      await assert.rejects(asked, { name: 'AbortError' });
    });

    test('pending acks fail with ERR_CONN_006 when the connection is lost', async (t) => {
      const server = await serve(t, { message: (peer) => peer.socket.terminate() });
      const c = make(t, server);
      await c.connect();
      let calls = 0;
      const again = next(c, 'reconnected');
      c.emit('a', 1, () => calls++);
      await assert.rejects(c.emitWithAck('b'), code('ERR_CONN_006'));
      await again;
      assert.equal(calls, 1);
    });

    test('a recovered session sends unanswered events again, under their ids and before the queue', async (t) => {
      const server = await serve(t, {
        recover: true,
        message: (peer, m) => {
          if (peer.number === 0 && m.event === 'last') peer.socket.terminate();
          if (peer.number > 0 && m.ack) peer.send(ackOf(m.ack, '"' + m.event + '"'));
        },
      });
      const c = make(t, server), answers = [];
      await c.connect();
      const bytes = new Uint8Array([1, 2]);
      c.once('disconnected', () => answers.push(c.emitWithAck('queued')));
      c.emit('not again');
      answers.push(c.emitWithAck('first', bytes), c.emitWithAck('last', { a: 1 }));
      bytes[0] = 9;
      await next(c, 'reconnected');
      assert.deepEqual(await Promise.all(answers), ['first', 'last', 'queued']);
      const sent = (n) => server.peers[n].messages.map((m) => [m.event, m.ack, m.text]);
      assert.deepEqual(sent(0), [['not again', undefined, ''], ['first', 1n, '\u0001\u0002'], ['last', 2n, '{"a":1}']]);
      assert.deepEqual(sent(1), [['first', 1n, '\u0001\u0002'], ['last', 2n, '{"a":1}'], ['queued', 3n, '']]);
    });

    test('answers of ours that a cut may have lost are given again when asked again, and those given meanwhile once', async (t) => {
      const ask = (peer) => [1, 2, 3].forEach((n) => peer.send(event('ask', String(n), { ack: n, seq: n })));
      const server = await serve(t, {
        recover: true,
        connection: (peer) => { if (peer.number < 2) ask(peer); },
        message: (peer, m) => { if (peer.number === 0 && m.ack === 1n) peer.socket.terminate(); },
      });
      const c = make(t, server), asked = [], held = [];
      c.on('ask', (n, ack) => {
        asked.push(n);
        if (n === 1) ack(new Uint8Array([7]));
        else held.push(ack);
      });
      c.once('disconnected', () => held.shift()('away'));
      await c.connect();
      await next(c, 'reconnected');
      await until(() => server.peers[1].messages.length === 2);
      held.shift()(undefined, { code: 'ERR_APP_001', message: 'no' });
      await until(() => server.peers[1].messages.length === 3);
      assert.deepEqual(asked, [1, 2, 3]);
      assert.deepEqual(server.peers[1].messages.map((m) => [m.kind, m.ack, m.text]), [[5, 2n, '"away"'], [5, 1n, '\u0007'], [6, 3n, '{"code":"ERR_APP_001","message":"no"}']]);
    });

    test('answers to a session that is over go nowhere', async (t) => {
      const server = await serve(t, { connection: (peer) => { if (peer.number === 0) { peer.send(event('ask', '', { ack: 1 })); peer.socket.terminate(); } } });
      const c = make(t, server), asked = next(c, 'ask');
      await c.connect();
      const [, ack] = await asked;
      await next(c, 'reconnected');
      ack('late');
      c.emit('end');
      await until(() => server.peers[1].messages.length === 1);
      assert.equal(server.peers[1].messages[0].event, 'end');
    });

    test('a recovered session sends again what the server says that it did not get, in order and behind what it got', async (t) => {
      const server = await serve(t, {
        recover: true,
        received: 2,
        message: (peer, m) => {
          if (peer.number === 0 && m.event === 'five') peer.socket.terminate();
          if (peer.number > 0 && m.ack) peer.send(ackOf(m.ack));
        },
      });
      const c = make(t, server);
      await c.connect();
      const back = next(c, 'reconnected'), asked = [c.emitWithAck('one')];
      c.emit('two', 2);
      asked.push(c.emitWithAck('three', 3));
      c.emit('four', new Uint8Array([4]));
      const given = c.emitWithAck('five', 5, { timeout: 1 });
      await assert.rejects(given, code('ERR_ACK_001'));
      await back;
      c.emit('six');
      await Promise.all(asked);
      await until(() => server.peers[1].messages.length === 4);
      assert.deepEqual(server.peers[1].messages.map((m) => [m.event, m.ack, m.text]), [['one', 1n, ''], ['three', 2n, '3'], ['four', undefined, '\u0004'], ['six', undefined, '']]);
      server.behaviour.received = 2 + 1; // of those four and the two before
      server.peers[1].socket.terminate();
      await next(c, 'reconnected');
      await until(() => server.peers[2].messages.length === 2); // 'three' has its answer
      assert.deepEqual(server.peers[2].messages.map((m) => m.event), ['four', 'six']);
    });

    test('a question that is kept is not told of as missing', async (t) => {
      const server = await serve(t, { recover: true, received: 0, message: (peer, m) => { if (peer.number === 0 && m.event === 'last') peer.socket.terminate(); } });
      const c = make(t, server), errors = [];
      c.on('error', (e) => errors.push(e));
      await c.connect();
      const asked = c.emitWithAck('asked').catch(() => {});
      for (let i = 0; i < 1023; i++) c.emit('n', i);
      c.emit('last');
      await until(() => server.peers[1]?.messages.length === 1025);
      assert.deepEqual([server.peers[1].messages[0].event, errors], ['asked', []]);
      c.disconnect();
      await asked;
    });

    test('events that did not arrive and are not kept any more are told of', async (t) => {
      const server = await serve(t, { recover: true, received: 10, message: (peer, m) => { if (peer.number === 0 && m.event === 'last') peer.socket.terminate(); } });
      const c = make(t, server);
      await c.connect();
      for (let i = 0; i < 1100; i++) c.emit('n', i);
      c.emit('last');
      const [error] = await next(c, 'error');
      assert.equal(error.code, 'ERR_CONN_006');
      assert.match(error.message, /^67 events/);
      await until(() => server.peers[1].messages.length === 1024);
      assert.equal(server.peers[1].messages[0].text, '77');
    });

    test('what is too much to keep is not sent again', async (t) => {
      const server = await serve(t, { recover: true, maxMessageBytes: 4 << 20, message: (peer, m) => { if (peer.number === 0) peer.socket.terminate(); else peer.send(ackOf(m.ack)); } });
      const c = make(t, server);
      await c.connect();
      const small = c.emitWithAck('small', 1), large = c.emitWithAck('large', 'x'.repeat(1 << 20));
      await assert.rejects(large, code('ERR_CONN_006'));
      await small;
    });

    test('an answer that the server would not take becomes an error on both sides', async (t) => {
      const server = await serve(t, { maxMessageBytes: 500, connection: (peer) => peer.send(event('much', '', { ack: 7 })) });
      const c = make(t, server), errors = [];
      c.on('much', (_, ack) => ack('x'.repeat(501))).on('error', (e) => errors.push(e.code));
      await c.connect();
      await until(() => server.peers[0].messages.length === 1);
      const [m] = server.peers[0].messages;
      assert.deepEqual([m.kind, m.ack, JSON.parse(m.text).code, errors], [ERROR, 7n, 'ERR_MSG_004', ['ERR_MSG_004']]);
      assert.equal(c.connected, true);
    });

    test('answers the server\'s acks once; failures and missing listeners are nacked', async (t) => {
      const huge = (1n << 64n) - 1n;
      const server = await serve(t, {
        connection: (peer) => {
          peer.send(event('sum', '[1,2]', { ack: huge }));
          peer.send(event('throws', '', { ack: 2 }));
          peer.send(event('nobody', '', { ack: 3 }));
          peer.send(event('refuses', '', { ack: 4 }));
          peer.send(event('bytes', '', { ack: 5 }));
          peer.send(event('void', '', { ack: 6 }));
          peer.send(event('circular', '', { ack: 7 }));
          peer.send(event('foreign', '', { ack: 8 }));
          peer.send(event('none-wanted', ''));
        },
      });
      const c = make(t, server);
      c.on('sum', ([a, b], ack) => { ack(a + b); ack(99); });
      c.on('throws', () => { throw new Error('listener failed on purpose'); });
      c.on('refuses', (_, ack) => ack(undefined, { code: 'ERR_APP_001', message: 'not you', details: { why: ['age'] } }));
      const circle = { code: 'ERR_APP_001', message: 'round' };
      circle.details = circle;
      c.on('circular', (_, ack) => ack(undefined, circle));
      c.on('foreign', (_, ack) => ack(undefined, Object.assign(new Error('of a library'), { details: 'private' })));
      c.on('bytes', (_, ack) => ack(new Uint8Array([1, 2])));
      c.on('void', (_, ack) => ack());
      c.on('none-wanted', (_, ack) => ack('ignored'));
      t.mock.method(console, 'error', () => {});
      await c.connect();
      await until(() => server.peers[0].messages.length === 8);
      // the one that nobody hears is refused last: perhaps somebody will
      const [sum, throws, refuses, bytes, none, circular, foreign, nobody] = server.peers[0].messages;
      assert.deepEqual([sum.kind, sum.ack, sum.text], [ACK, huge, '3']);
      assert.deepEqual([throws.kind, throws.ack, JSON.parse(throws.text).code], [ERROR, 2n, 'ERR_APP_002']);
      assert.deepEqual([nobody.kind, nobody.ack, JSON.parse(nobody.text).code], [ERROR, 3n, 'ERR_APP_003']);
      assert.deepEqual([refuses.kind, refuses.ack, JSON.parse(refuses.text)], [ERROR, 4n, { code: 'ERR_APP_001', message: 'not you', details: { why: ['age'] } }]);
      assert.deepEqual(JSON.parse(circular.text), { code: 'ERR_APP_001', message: 'round' });
      assert.deepEqual(JSON.parse(foreign.text), { code: 'ERR_APP_002', message: 'of a library' });
      assert.deepEqual([bytes.kind, bytes.flags, [...bytes.payload]], [ACK, 0x60, [1, 2]]);
      assert.deepEqual([none.kind, none.ack, none.text], [ACK, 6n, '']);
      assert.equal(console.error.mock.callCount(), 1);
    });

    test('answers PING with PONG and keeps the clock', async (t) => {
      const server = await serve(t, { connection: (peer) => peer.send(Buffer.concat([Buffer.from([PING]), uvarint(1700000000000000n), uvarint(2500), uvarint(0)])) });
      const c = make(t, server);
      await c.connect();
      await until(() => server.peers[0].messages.length === 1);
      const [pong] = server.peers[0].messages;
      assert.equal(pong.kind, PONG);
      assert.deepEqual(pong.numbers.slice(0, 2), [1700000000000000n, 2500n]);
      assert.ok(Math.abs(Number(pong.numbers[2]) / 1000 - Date.now()) < 60000);
      assert.equal(c.getStats().rtt, 2.5);
    });

    test('an event of the wire cannot pretend to be a lifecycle event', async (t) => {
      const server = await serve(t, { connection: (peer) => { peer.send(event('disconnected', '"fake"')); peer.send(event('connect')); peer.send(event('end')); } });
      const c = make(t, server);
      let fakes = 0, connects = 0;
      c.on('disconnected', () => fakes++).on('connected', () => connects++).on('error', () => {});
      const end = next(c, 'end');
      await c.connect();
      await end;
      assert.deepEqual([fakes, connects], [0, 1]);
      assert.equal(c.getStats().invalidMessages, 2);
    });

    test('undecodable messages are errors, not the end', async (t) => {
      const bad = [[], [0x0a], [0x34, 0x80], [EVENT, 0], [EVENT, 200, 1, 65], [EVENT, 5, 65], [EVENT, 1, 0xff], [EVENT | 0x10, 1, 65, 1], [EVENT | 0x80, 0x80, 0x00, 1, 65], [PING | 0x40, 1, 1, 1, 1], [PING, 1]];
      const server = await serve(t, { connection: (peer) => { bad.forEach((b) => peer.send(Buffer.from(b))); peer.send('{'); peer.send('[]'); peer.send(event('end', '{')); peer.send(event('end')); } });
      const c = make(t, server);
      const errors = [];
      c.on('error', (e) => errors.push(e.code));
      const end = next(c, 'end');
      await c.connect();
      await end;
      assert.equal(errors.length, bad.length + 3);
      assert.ok(errors.every((e) => e === 'ERR_MSG_001' || e === 'ERR_MSG_002'), String(errors));
      assert.equal(c.connected, true);
    });

    test('too large is refused before sending', async (t) => {
      const server = await serve(t, { maxMessageBytes: 100 });
      const c = make(t, server);
      await c.connect();
      await assert.rejects(c.emitWithAck('big', 'x'.repeat(200)), code('ERR_MSG_004'));
      const raised = next(c, 'error');
      assert.equal(c.emit('big', new Uint8Array(200)), false);
      assert.equal((await raised)[0].code, 'ERR_MSG_004');
      assert.equal(c.connected, true);
    });

    test('resumes with token and last seq and drops what it has seen', async (t) => {
      const server = await serve(t, {
        recover: true,
        connection: (peer) => {
          if (peer.number === 0) {
            peer.send(event('n', '1', { seq: 1 }));
            peer.send(event('n', '2', { seq: 2 }));
            peer.socket.close(3000);
          } else {
            for (const n of [2, 3]) peer.send(event('n', String(n), { seq: n }));
            peer.send(event('end'));
          }
        },
      });
      const c = make(t, server);
      const got = [], again = [];
      c.on('n', (n) => got.push(n));
      c.on('reconnected', (recovered) => again.push(recovered));
      const end = next(c, 'end');
      await c.connect();
      await end;
      assert.deepEqual(got, [1, 2, 3]);
      assert.deepEqual(again, [true]);
      assert.deepEqual([...server.connects[1].get(12)], Array(32).fill(1));
      assert.deepEqual([...server.connects[1].get(13)], [2]);
    });
  });
}

test('an engine that breaks down while events are sent again loses none of them, nor the session', async (t) => {
  const server = await serve(t, { recover: true, received: 0, message: (peer, m) => { if (peer.number === 0 && m.event === 'last') peer.socket.terminate(); } });
  const closed = [], raised = [];
  server.wss.on('connection', (socket) => socket.on('close', (code) => closed.push(code)));
  let connections = 0, encoded = 0;
  const loadWasm = async () => ({ ...jsEngine, name: 'wasm', encode(...args) { if (connections === 2 && ++encoded === 2) throw new RangeError('unreachable'); return jsEngine.encode(...args); } });
  const { SmartSocketClient } = await source('js.js');
  class Counted extends WebSocket { constructor(...args) { super(...args); connections++; } }
  const c = new SmartSocketClient(server.url, { WebSocket: Counted, engine: 'wasm', wasmURL: 'breaks', reconnectDelay: 5 }, { loadWasm });
  t.after(() => c.disconnect());
  for (const name of ['connected', 'disconnected', 'reconnected']) c.on(name, () => raised.push(name));
  const told = next(c, 'error');
  await c.connect();
  for (const name of ['one', 'two', 'three', 'last']) c.emit(name);
  await until(() => server.peers[2]?.messages.length === 3);
  assert.equal((await told)[0].code, 'ERR_CONN_006'); // the one that broke it
  assert.deepEqual(server.peers[2].messages.map((m) => m.event), ['one', 'three', 'last']);
  assert.deepEqual(raised, ['connected', 'disconnected', 'disconnected', 'connected', 'reconnected']);
  assert.equal(closed[1], 3001);
});

test('an engine that breaks down is replaced with the connection', async (t) => {
  const server = await serve(t, { message: (peer, m) => peer.send(event(m.event)) });
  let loads = 0, broken = false;
  const loadWasm = async () => {
    const number = ++loads;
    return { ...jsEngine, name: 'wasm', decode(b, limit) { if (broken && number === 1) throw new RangeError('unreachable'); return jsEngine.decode(b, limit); } };
  };
  const { SmartSocketClient } = await source('js.js');
  const c = new SmartSocketClient(server.url, { WebSocket, engine: 'wasm', reconnectDelay: 5 }, { loadWasm });
  t.after(() => c.disconnect());
  await c.connect();
  broken = true;
  c.emit('x');
  await next(c, 'reconnected');
  assert.equal(loads, 2);
  const answer = next(c, 'x');
  c.emit('x');
  await answer;
});
