// The client with encryptionKey, against a server on Node's crypto. Every fault ends the connection.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import { deflateRawSync } from 'node:zlib';
import { client, createLogger, next, until } from './setup.js';
import { CONNECT, CONNECT_ACK, EVENT, error, event, parse, record, startServer } from './fake-server.js';
import { sealedServer } from './sealed-server.js';

const code = (c) => (e) => e.name === 'SmartSocketError' && e.code === c;
const ALGORITHMS = [['aes-256-gcm', 1], ['aes-256-cbc', 2]];

for (const engine of ['js', 'wasm', 'auto']) {
  describe('the client on engine ' + engine, () => {
    const key = randomBytes(32), encryptionKey = key.toString('base64');
    const make = (t, server, options) => client(t, server.url, { engine, encryptionKey, maxReconnectAttempts: 5, ...options });

    for (const [name, algorithm] of ALGORITHMS) {
      test('talks ' + name, async (t) => {
        const server = await sealedServer(t, key, algorithm, { message: (peer, m) => peer.send(peer.out.seal(event('back', m.payload, { seq: 1 }))) });
        const c = make(t, server, { enableEncryption: true });
        const back = next(c, 'back');
        c.emit('there', { a: 'grüße' });
        await c.connect();
        assert.deepEqual((await back)[0], { a: 'grüße' });
        assert.equal(c.getStats().encrypted, true);
        assert.equal(parse(server.peers[0].got[0]).kind, CONNECT);
        for (const data of server.peers[0].got.slice(1)) assert.equal(data[0], 15, 'only sealed messages follow');
      });
    }

    test('a server without encryption gets nothing', async (t) => {
      for (const algorithms of [[], [9]]) {
        const server = await sealedServer(t, key, 1, { algorithms });
        const c = make(t, server, { apiKey: 'secret' });
        c.emit('waiting', 'secret');
        await assert.rejects(c.connect(), code('ERR_CONN_004'));
        await server.peers[0].closed;
        assert.deepEqual([server.peers[0].got.length, server.peers.length, c.connected], [0, 1, false]);
      }
    });

    test('a wrong key is final, also when reconnecting', async (t) => {
      let right = randomBytes(32);
      const wrong = await sealedServer(t, right, 2);
      await assert.rejects(make(t, wrong).connect(), code('ERR_CONN_004'));
      assert.equal(wrong.peers.length, 1);

      const refusing = { connect: undefined };
      const server = await sealedServer(t, key, 2, refusing);
      const c = make(t, server);
      await c.connect();
      const failed = next(c, 'error');
      refusing.connect = (peer) => { peer.send(error('ERR_CONN_004', 'authentication failed')); peer.socket.close(3500); };
      server.peers[0].socket.close(3000);
      assert.equal((await failed)[0].code, 'ERR_CONN_004');
      assert.equal(server.peers.length, 2);
    });

    test('a server that does not prove the key is not believed', async (t) => {
      const ack = record(CONNECT_ACK, [[1, 's_1'], [6, 1 << 20]]);
      for (const answer of [ack, Buffer.concat([Buffer.from([15]), ack, Buffer.alloc(40)]), Buffer.from('{"event":"x"}').toString()]) {
        const server = await sealedServer(t, key, 1, { connect: (peer) => peer.send(answer) });
        const c = make(t, server);
        c.emit('waiting', 'secret');
        await assert.rejects(c.connect(), code('ERR_CONN_004'));
        assert.equal(await server.peers[0].closed, 3502);
        assert.deepEqual([server.peers[0].got.length, server.peers.length], [1, 1]);
      }
    });

    for (const [what, attack] of [
      ['a message in clear', (peer) => peer.send(event('news', '"forged"'))],
      ['an error in clear', (peer) => peer.send(error('ERR_CONN_004', 'forged'))],
      ['text', (peer) => peer.send('{"event":"news","data":"forged"}')],
      ['a changed record', (peer) => { const r = peer.out.seal(event('news', '"forged"')); r[r.length - 20] ^= 1; peer.send(r); }],
      ['a replayed record', (peer) => { const r = peer.out.seal(event('first', '1')); peer.send(r); peer.send(r); }]
    ]) {
      test(what + ' ends the connection, and the next one has fresh keys', async (t) => {
        const server = await sealedServer(t, key, 1, { connected: (peer) => { if (peer.number === 0) setImmediate(() => attack(peer)); } });
        const c = make(t, server), errors = [], news = [];
        c.on('error', (e) => errors.push(e.code)).on('news', (n) => news.push(n));
        const again = next(c, 'reconnected');
        await c.connect();
        await again;
        assert.equal(await server.peers[0].closed, 3502);
        assert.deepEqual([errors, news], [['ERR_MSG_003'], []]);
        assert.notDeepEqual(server.connects[0].get(2), server.connects[1].get(2));
      });
    }

    test('compresses before it encrypts, and bounds what it inflates', async (t) => {
      const deflated = (payload) => Buffer.concat([Buffer.from([EVENT | 0x30, 4]), Buffer.from('bomb'), deflateRawSync(payload)]);
      const server = await sealedServer(t, key, 2, {
        message(peer, m) {
          peer.sizes = [m.flags & 0x10, m.payload.length];
          peer.send(peer.out.seal(deflated(Buffer.alloc(8 << 20))));
          peer.send(peer.out.seal(deflated(Buffer.alloc(1 << 20))));
        }
      });
      const c = make(t, server), errors = [];
      c.on('error', (e) => errors.push(e.code));
      await c.connect();
      const fits = next(c, 'bomb');
      c.emit('long', 'again '.repeat(1000));
      assert.equal((await fits)[0].byteLength, 1 << 20);
      assert.deepEqual(errors, ['ERR_MSG_004']);
      assert.ok(server.peers[0].sizes[0] && server.peers[0].sizes[1] < 500);
    });

    test('the key is in no log, no error and no printed object', async (t) => {
      const lines = [], logger = createLogger((level, text, detail) => lines.push(text, inspect(detail)));
      logger.setLevel('trace');
      const server = await sealedServer(t, key, 1, { connected: (peer) => peer.send(Buffer.from('nonsense')) });
      const c = make(t, server, { logger, apiKey: 'the api key', maxReconnectAttempts: 0 });
      c.on('error', (e) => lines.push(inspect(e, { depth: 9 })));
      const gone = next(c, 'disconnected');
      await c.connect().catch(() => {});
      await gone;
      lines.push(inspect(c, { depth: 9, showHidden: true }), JSON.stringify(c));
      assert.ok(lines.length > 5);
      for (const line of lines) assert.ok(!line.includes(encryptionKey) && !line.includes('the api key'), line);
    });

    test('enableEncryption false does without', async (t) => {
      const server = await startServer();
      t.after(() => server.close());
      const c = make(t, server, { enableEncryption: false });
      await c.connect();
      assert.deepEqual([c.getStats().encrypted, server.connects[0].has(5)], [false, false]);
      const strict = await sealedServer(t, key, 1);
      await assert.rejects(make(t, strict, { enableEncryption: false }).connect(), code('ERR_CONN_004'));
      assert.equal(strict.peers[0].got.length, 0);
    });
  });
}
