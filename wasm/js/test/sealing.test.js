// Encryption in both engines: Go's vectors, Node's crypto, keys of several connections.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { jsEngine, loadWasmEngine, source } from './setup.js';
import { event } from './fake-server.js';
import { half, keyId } from './node-crypto.js';
import { accept, helloFor } from './sealed-server.js';

const { clientEnds, keyId: ourKeyId } = await source('sealing.js');
const { words64 } = await source('sha256.js');

const wasm = await loadWasmEngine();
const vectors = JSON.parse(readFileSync(new URL('../../../crypto/testdata/vectors.json', import.meta.url), 'utf8'));
const unhex = (s) => new Uint8Array(Buffer.from(s, 'hex'));
const hex = (b) => Buffer.from(b).toString('hex');
const plainBytes = (b) => new Uint8Array(b);
const code = (c) => (e) => e.code === c;
const ALGORITHMS = [['aes-256-gcm', 1], ['aes-256-cbc', 2]];

describe('vectors', () => {
  for (const v of vectors) {
    const key = Buffer.from(v.key, 'base64');
    const randoms = [unhex(v.clientRandom), unhex(v.serverRandom), unhex(v.transcript)];
    const node = (direction) => half(direction, { algorithm: v.algorithm, key, clientRandom: randoms[0], serverRandom: randoms[1], transcript: randoms[2] });

    test(v.name + ' by the js engine', () => {
      const ends = clientEnds(plainBytes(key), v.algorithm, ...randoms);
      assert.equal(hex(ourKeyId(plainBytes(key))), v.keyId);
      for (const r of v.toServer) assert.equal(hex(ends.seal(unhex(r.plain))), r.record);
      for (const r of v.toClient) assert.equal(hex(ends.open(unhex(r.record))), r.plain);
    });

    test(v.name + ' by Node', () => {
      const out = node('c2s'), back = node('s2c');
      assert.equal(hex(keyId(key)), v.keyId);
      for (const r of v.toServer) assert.equal(hex(out.seal(unhex(r.plain))), r.record);
      for (const r of v.toClient) assert.equal(hex(back.open(unhex(r.record))), r.plain);
    });
  }

  test('a counter beyond 32 bits', () => {
    assert.equal(hex(words64(new Uint8Array(8), 0, 2 ** 40 + 2 ** 32 + 5)), '0000010100000005');
  });
});

const connect = (random = Buffer.alloc(32, 9)) => ({ random: plainBytes(random), namespace: '/game', apiKey: 'secret api key', sessionToken: new Uint8Array([1, 2]), lastSeq: 300, canInflate: true, client: 'test' });

for (const engine of [jsEngine, wasm]) {
  for (const [name, algorithm] of ALGORITHMS) {
    describe(name + ' on engine ' + engine.name, () => {
      const key = randomBytes(32), hello = helloFor([algorithm]);
      const begin = (random) => {
        const s = engine.encodeSealedConnect(connect(random), key.toString('base64'), plainBytes(hello), algorithm);
        return { ...s, server: accept(hello, Buffer.from(s.connect), key, algorithm) };
      };

      test('the CONNECT shows nothing and opens', () => {
        const { connect: bytes, server } = begin();
        for (const secret of ['game', 'secret']) assert.ok(!Buffer.from(bytes).includes(secret));
        assert.deepEqual([...server.outer.fields.keys()], [1, 2, 3, 4, 5]);
        assert.equal(hex(server.outer.fields.get(4)), hex(keyId(key)));
        assert.equal(server.inner.fields.get(10).toString(), '/game');
        assert.equal(server.inner.fields.get(11).toString(), 'secret api key');
        assert.deepEqual([server.inner.fields.has(1), server.inner.fields.has(2)], [false, false]);
      });

      test('both engines write the same', () => {
        const other = engine === wasm ? jsEngine : wasm;
        const a = begin(), b = other.encodeSealedConnect(connect(), key.toString('base64'), plainBytes(hello), algorithm);
        assert.equal(hex(a.connect), hex(b.connect));
        for (let n = 0; n < 70; n++) assert.equal(hex(a.ends.seal(plainBytes(Buffer.alloc(n, n)))), hex(b.ends.seal(plainBytes(Buffer.alloc(n, n)))));
      });

      test('messages of all sizes, several connections at once, handles used again', () => {
        const all = Array.from({ length: 8 }, () => begin(randomBytes(32)));
        for (const n of [0, 1, 16, 100, 5000, 200000]) {
          for (const c of all) {
            const plain = randomBytes(n);
            assert.ok(c.server.back.open(Buffer.from(c.ends.seal(plainBytes(plain)))).equals(plain));
            assert.ok(Buffer.from(c.ends.open(plainBytes(c.server.out.seal(plain)))).equals(plain));
          }
        }
        all[3].ends.close();
        all[3].ends.close();
        assert.throws(() => all[3].ends.seal(new Uint8Array(1)));
        const late = begin(randomBytes(32));
        assert.throws(() => all[3].ends.open(new Uint8Array(40)));
        assert.equal(Buffer.from(late.ends.open(plainBytes(late.server.out.seal('x')))).toString(), 'x');
        assert.equal(late.server.back.open(Buffer.from(late.ends.seal(plainBytes(Buffer.from('y'))))).toString(), 'y');
      });

      test('whatever was changed, replayed, left out or turned around does not open', () => {
        const refused = (change) => {
          const c = begin(randomBytes(32)), bytes = change(c);
          assert.throws(() => c.ends.open(plainBytes(bytes)), code('ERR_MSG_003'));
        };
        const length = begin().server.out.seal('attack at dawn').length;
        for (let bit = 0; bit < length * 8; bit += 3) {
          refused(({ server }) => { const r = server.out.seal('attack at dawn'); r[bit >> 3] ^= 1 << (bit & 7); return r; });
        }
        for (let cut = 0; cut < length; cut++) refused(({ server }) => server.out.seal('attack at dawn').subarray(0, cut));
        refused(({ server }) => Buffer.concat([server.out.seal('a'), Buffer.alloc(1)]));
        refused(({ server, ends }) => { const r = server.out.seal('a'); ends.open(plainBytes(r)); return r; });
        refused(({ server }) => { server.out.seal('lost'); return server.out.seal('a'); });
        refused(({ ends }) => ends.seal(new Uint8Array([1])));
        refused(() => event('x', '1'));
      });
    });
  }

  test('a bad key is an error without the key on engine ' + engine.name, () => {
    const bad = 'k3mZ7x9pQ2vL8nR5tY1hJ4bF6wS0dA2eK9mX7cP3vN=';
    assert.throws(() => engine.encodeSealedConnect(connect(), bad, plainBytes(helloFor([1])), 1), (e) => !String(e.stack).includes(bad.slice(0, 6)));
  });
}
