// The client against real servers that encrypt; started by TestEndToEndSealed (../../e2e_test.go).

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { WebSocket, client, engines, next, until } from './setup.js';

const encryptionKey = process.env.SMARTSOCKET_KEY;
const servers = { 'aes-256-gcm': process.env.SMARTSOCKET_AES_256_GCM, 'aes-256-cbc': process.env.SMARTSOCKET_AES_256_CBC };
const plainURL = process.env.SMARTSOCKET_PLAIN_URL;
const skip = !encryptionKey && 'run by go test ./wasm';
const code = (c) => (e) => e.name === 'SmartSocketError' && e.code === c;

for (const engine of engines) {
  for (const [algorithm, url] of Object.entries(servers)) {
    describe(algorithm + ' on engine ' + engine, { skip }, () => {
      async function join(t, options) {
        const c = client(t, url + '/game', { engine, enableEncryption: true, encryptionKey, ...options });
        await c.connect();
        return c;
      }

      test('data comes back as it went, compressed where it is long', async (t) => {
        const c = await join(t);
        assert.equal(c.getStats().encrypted, true);
        for (const v of [undefined, null, '', 'grüße 🎮', { deep: { list: [null, 1.5] } }, 'x'.repeat(200000), randomBytes(3000).toString('hex')]) {
          const echoed = next(c, 'echoed');
          assert.deepEqual(await c.emitWithAck('echo', v), v);
          assert.deepEqual((await echoed)[0], v);
        }
        for (const n of [0, 1, 15, 16, 17, 5000, 100000]) {
          const bytes = new Uint8Array(randomBytes(n));
          assert.deepEqual(new Uint8Array(await c.emitWithAck('echo', bytes)), bytes);
        }
        const before = c.getStats();
        await c.emitWithAck('echo', 'again '.repeat(1000));
        assert.ok(c.getStats().bytesSent - before.bytesSent < 1000 && c.getStats().bytesReceived - before.bytesReceived < 1000);
      });

      test('order, acks both ways, rooms and the size limit', async (t) => {
        const [a, b] = await Promise.all([join(t), join(t)]), got = [], said = [];
        a.on('number', (n) => got.push(n)).on('question', (data, ack) => ack({ answerTo: data }));
        b.on('said', (text) => said.push(text));
        a.emit('count', 2000);
        await until(() => got.length === 2000);
        assert.deepEqual(got, Array.from({ length: 2000 }, (_, i) => i));
        assert.deepEqual(await a.emitWithAck('ask me', 42), { answerTo: 42 });
        await b.emitWithAck('join', 'sealed ' + engine);
        assert.equal(await a.emitWithAck('say', { room: 'sealed ' + engine, text: 'hi' }), 1);
        await until(() => said.length === 1);
        await assert.rejects(a.emitWithAck('echo', 'x'.repeat(2 << 20)), code('ERR_MSG_004'));
        const full = new Uint8Array(1 << 20).map((_, i) => i * i >> 5);
        assert.equal((await a.emitWithAck('echo', full)).byteLength, full.length, 'as large as the server takes');
      });

      test('a lost connection comes back with new keys', async (t) => {
        const c = await join(t);
        const again = next(c, 'reconnected');
        await assert.rejects(c.emitWithAck('drop me'), code('ERR_CONN_006'));
        await again;
        assert.equal(await c.emitWithAck('echo', 'back'), 'back');
      });

      test('a wrong key, no key and a server without one are refused for good', async (t) => {
        const wrong = randomBytes(32).toString('base64');
        for (const [to, options] of [[url, { encryptionKey: wrong }], [url, { enableEncryption: false }], [plainURL, {}]]) {
          const c = client(t, to, { engine, encryptionKey, ...options });
          let reconnecting = 0;
          c.on('reconnecting', () => reconnecting++);
          await assert.rejects(c.connect(), (e) => code('ERR_CONN_004')(e) && !e.message.includes(wrong) && !e.message.includes(encryptionKey));
          assert.deepEqual([reconnecting, c.connected], [0, false]);
        }
      });

      test('a changed record ends the connection with ERR_MSG_003', async (t) => {
        const errors = [];
        let change = 0;
        const c = await join(t, { WebSocket: class extends WebSocket { send(data) { data[data.length - 1] ^= change; super.send(data); } } });
        c.on('error', (e) => errors.push(e.code));
        const gone = next(c, 'disconnected');
        change = 1;
        c.emit('echo', 1);
        assert.equal((await gone)[1].code, 3502);
        await until(() => errors.includes('ERR_MSG_003'));
      });
    });
  }
}
