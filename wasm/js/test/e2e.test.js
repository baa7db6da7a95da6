// The client against a real server; started by TestEndToEnd (../../e2e_test.go), which registers
// the handlers.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import { SmartSocketError, WebSocket, client, engines, jsEngine, next, until } from './setup.js';
import { EVENT, parse } from './fake-server.js';

const url = process.env.SMARTSOCKET_URL;
const fullURL = process.env.SMARTSOCKET_FULL_URL, cacheURL = process.env.SMARTSOCKET_CACHE_URL;
const code = (c) => (e) => e instanceof SmartSocketError && e.code === c;

for (const engine of engines) {
  describe('end to end on engine ' + engine, { skip: !url && 'run by go test ./wasm' }, () => {
    async function join(t, options) {
      const c = client(t, url + '/game', { engine, ...options });
      await c.connect();
      return c;
    }

    test('data comes back as it went', async (t) => {
      const c = await join(t);
      assert.notEqual(c.id, '');
      const values = [undefined, null, true, 0, -1.5e300, '', 'grüße 🎮', [], [1, [2, [3]]], {}, { deep: { list: [null, { x: '"\\\n' }] } }, 'x'.repeat(200000)];
      for (const v of values) {
        const echoed = next(c, 'echoed');
        assert.deepEqual(await c.emitWithAck('echo', v), v);
        assert.deepEqual((await echoed)[0], v);
      }
      const pollution = JSON.parse('{"__proto__":{"polluted":1},"constructor":2}');
      assert.deepEqual(Object.keys(await c.emitWithAck('echo', pollution)), ['__proto__', 'constructor']);
      assert.equal(({}).polluted, undefined);
      for (const bytes of [new Uint8Array(0), new Uint8Array([0, 1, 255]), new Uint8Array(100000).fill(9), new Float64Array([Math.PI])]) {
        const answer = await c.emitWithAck('echo', bytes);
        assert.ok(answer instanceof ArrayBuffer);
        assert.deepEqual(new Uint8Array(answer), new Uint8Array(bytes.buffer));
      }
      for (const name of ['constructor', 'toString', 'hasOwnProperty']) assert.equal(await c.emitWithAck(name), name);
    });

    test('long data is compressed both ways, short data and images are not', async (t) => {
      const c = await join(t);
      const cost = async (v) => {
        const before = c.getStats();
        const answer = await c.emitWithAck('echo', v), after = c.getStats();
        return { answer, sent: after.bytesSent - before.bytesSent, received: after.bytesReceived - before.bytesReceived };
      };
      const players = Array.from({ length: 60 }, (_, i) => ({ id: i, name: 'player ' + i, x: i * 1.5, y: 100 - i, alive: true, inventory: ['sword', 'shield'] }));
      const size = JSON.stringify(players).length;
      assert.ok(size > 5000);
      const json = await cost(players);
      assert.deepEqual(json.answer, players);
      // received twice: event and ack
      assert.ok(json.sent < size / 2 && json.received < size, JSON.stringify([json.sent, json.received, size]));
      const bytes = new Uint8Array(5000).map((_, i) => i % 50);
      const binary = await cost(bytes);
      assert.deepEqual(new Uint8Array(binary.answer), bytes);
      assert.ok(binary.sent < 1000 && binary.received < 1000);
      assert.ok((await cost('x'.repeat(1000))).sent > 1000, 'not above the threshold');
      assert.ok((await cost(Uint8Array.from(bytes, (b, i) => [0x89, 0x50, 0x4e, 0x47][i] ?? b))).sent > 5000, 'a PNG');
    });

    test('acks in both directions', async (t) => {
      const c = await join(t);
      c.on('question', (data, ack) => ack(data === undefined ? undefined : { answerTo: data }));
      assert.deepEqual(await c.emitWithAck('ask me', 42), { answerTo: 42 });
      assert.equal(await c.emitWithAck('ask me'), undefined);
      c.off('question').on('question', (data, ack) => ack(null, { code: 'ERR_APP_001', message: 'no comment' }));
      await assert.rejects(c.emitWithAck('ask me', 1), code('ERR_APP_001'));
      c.off('question');
      await assert.rejects(c.emitWithAck('ask me', 1), code('ERR_APP_003'));
      const viaCallback = await new Promise((resolve) => c.emit('echo', { a: 1 }, (response, error) => resolve([response, error])));
      assert.deepEqual(viaCallback, [{ a: 1 }, undefined]);
    });

    test('rooms', async (t) => {
      const [a, b, outside] = await Promise.all([join(t), join(t), join(t)]);
      const room = 'room ' + engine, heard = [];
      for (const [who, c] of [['a', a], ['b', b], ['outside', outside]]) c.on('said', (text) => heard.push(who + ' ' + text));
      assert.deepEqual(await a.emitWithAck('join', room), [room]);
      await b.emitWithAck('join', room);
      assert.equal(await outside.emitWithAck('say', { room, text: 'hi' }), 2);
      await until(() => heard.length === 2);
      await outside.emitWithAck('echo', 1); // everything that was sent to it before has arrived now
      assert.deepEqual(heard.sort(), ['a hi', 'b hi']);
    });

    test('order holds over many messages', async (t) => {
      const c = await join(t);
      const got = [];
      c.on('number', (n) => got.push(n));
      c.emit('count', 5000);
      await until(() => got.length === 5000);
      assert.deepEqual(got, Array.from({ length: 5000 }, (_, i) => i));
    });

    test('a dropped connection comes back with what was emitted meanwhile', async (t) => {
      const c = await join(t);
      const id = c.id, events = [];
      c.once('disconnected', (reason, detail) => { events.push(['disconnected', reason, detail.code]); events.queued = c.emitWithAck('echo', 'while away'); });
      c.on('reconnecting', (attempt) => events.push(['reconnecting', attempt]));
      const again = next(c, 'reconnected');
      await assert.rejects(c.emitWithAck('drop me'), code('ERR_CONN_006'));
      await again;
      assert.deepEqual(events.slice(), [['disconnected', 'too slow', 3000], ['reconnecting', 1]]);
      assert.equal(await events.queued, 'while away');
      assert.notEqual(c.id, id);
    });

    test('a recovered session has every event handled once', { skip: !(cacheURL && WebSocket.prototype.terminate) && 'run by go test ./wasm in Node' }, async (t) => {
      let deaf = false, socket;
      const c = client(t, cacheURL + '/game', {
        engine,
        // which loses the answers before the cut, and the PING behind them
        WebSocket: class extends WebSocket {
          constructor(...args) { super(...args); socket = this; }
          set onmessage(f) { super.onmessage = f && ((e) => { if (!deaf || (new Uint8Array(e.data)[0] & 15) === EVENT) f(e); }); }
        },
      });
      await c.connect();
      for (let round = 0; round < 3; round++) {
        const ran = [], all = new Promise((resolve) => c.on('ran', (n) => { if (ran.push(n) === 20) resolve(); }));
        const again = next(c, 'reconnected');
        deaf = true;
        const answers = Array.from({ length: 20 }, (_, n) => c.emitWithAck('tally', n));
        await all;
        answers.push(c.emitWithAck('tally', 20)); // may get through or not
        socket.terminate();
        deaf = false;
        assert.equal((await again)[0], true, 'recovered');
        assert.deepEqual(await Promise.all(answers), Array.from({ length: 21 }, (_, n) => n));
        assert.deepEqual(await c.emitWithAck('tallies'), Object.fromEntries(Array.from({ length: 21 }, (_, n) => [n, round + 1])));
        c.off('ran');
      }
    });

    test('error codes', async (t) => {
      const c = await join(t);
      await assert.rejects(c.emitWithAck('forbidden'), code('ERR_APP_001'));
      await assert.rejects(c.emitWithAck('fail'), (e) => code('ERR_APP_002')(e) && /out of luck/.test(e.message));
      await assert.rejects(c.emitWithAck('panic'), code('ERR_APP_002'));
      await assert.rejects(c.emitWithAck('nobody listens'), code('ERR_APP_003'));
      await assert.rejects(c.emitWithAck('silent', 1, { timeout: 20 }), code('ERR_ACK_001'));
      await assert.rejects(c.emitWithAck('echo', 'x'.repeat(2 << 20)), code('ERR_MSG_004'));
      assert.equal(c.connected, true, 'none of these costs the connection');
      await assert.rejects(client(t, url, { engine, namespace: '/nowhere' }).connect(), (e) => code('ERR_MSG_005')(e) && /\/game/.test(e.message));
      const seat = client(t, fullURL, { engine });
      // it is free once the server saw the last close
      while (!seat.connected) await seat.connect().catch((e) => assert.equal(e.code, 'ERR_CONN_005'));
      await assert.rejects(client(t, fullURL, { engine }).connect(), code('ERR_CONN_005'));
    });

    test('a ban is final', async (t) => {
      const c = await join(t);
      let reconnecting = 0;
      c.on('reconnecting', () => reconnecting++);
      const gone = next(c, 'disconnected');
      c.on('error', () => {});
      c.emit('ban me');
      assert.equal((await gone)[1].reconnects, false);
      assert.equal(reconnecting, 0);
    });
  });
}

test('the server inflates what fits and refuses a bomb', { skip: !url && 'run by go test ./wasm' }, async (t) => {
  const socket = new WebSocket(url + '/game', ['smartsocket.v1']), heard = [];
  t.after(() => socket.terminate());
  socket.on('message', (data) => heard.push(parse(data)));
  await until(() => heard.length === 1);
  socket.send(jsEngine.encodeConnect({ random: new Uint8Array(32), namespace: '', apiKey: '', sessionToken: new Uint8Array(0), lastSeq: 0, canInflate: false, client: 'test' }));
  await until(() => heard.some((m) => m.kind === 3));
  // binary, with ack 1
  const deflated = (payload) => Buffer.concat([Buffer.from([0x74, 1, 4]), Buffer.from('echo'), deflateRawSync(payload)]);
  let seed = 1;
  const fits = Buffer.alloc(1 << 20).map(() => (seed = Math.imul(seed, 1103515245) + 12345) >>> 28); // deflates to half
  socket.send(deflated(fits));
  await until(() => heard.some((m) => m.kind === 5));
  const answer = heard.find((m) => m.kind === 5);
  assert.deepEqual([answer.flags & 0x10, answer.payload.length], [0, 1 << 20], 'not compressed for who cannot inflate');
  socket.send(deflated(Buffer.alloc(64 << 20)));
  await until(() => heard.some((m) => m.kind === 6));
  assert.match(heard.find((m) => m.kind === 6).text, /ERR_MSG_004/);
});
