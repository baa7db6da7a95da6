// DEFLATE in both engines: Go's vectors, zlib as the independent implementation, and when a payload
// is compressed at all.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { jsEngine, loadWasmEngine } from './setup.js';


const vectors = JSON.parse(readFileSync(new URL('flate-vectors.json', import.meta.url), 'utf8'));
const BINARY = 0x20, DEFLATED = 0x10;
const message = (payload) => new Uint8Array([4 | BINARY | DEFLATED, 1, 120, ...payload]);
const inflate = (engine, payload, limit) => Buffer.from(engine.decode(message(payload), limit).payload);

let state = 1;
const random = (n) => { state = (Math.imul(state, 1664525) + 1013904223) >>> 0; return Math.floor(state / 2 ** 32 * n); };

// sample is n bytes of an alphabet, the smaller the more compressible.
const sample = (n, alphabet) => Uint8Array.from({ length: n }, () => random(alphabet));

for (const engine of [jsEngine, await loadWasmEngine()]) {
  describe('DEFLATE on engine ' + engine.name, () => {
    for (const v of vectors) {
      test(v.name, () => {
        const deflated = Buffer.from(v.deflated, 'hex');
        if (v.code) assert.throws(() => inflate(engine, deflated, v.limit), (e) => e.code === v.code);
        else assert.equal(inflate(engine, deflated, v.limit).toString('hex'), v.plain ?? '');
      });
    }

    test('what zlib deflates comes back, what we deflate zlib reads', () => {
      for (let i = 0; i < 150; i++) {
        const plain = sample(2 + random(i % 10 ? 5000 : 90000), 2 + random(i % 3 ? 20 : 254));
        for (const options of [{ level: 0 }, { level: 1 }, { level: 9 }, { strategy: 4 }]) {
          assert.ok(inflate(engine, deflateRawSync(plain, options), plain.length).equals(plain));
        }
        const sent = engine.encode(4, 'x', plain, 0, 0, false, 1, 0);
        const payload = sent.subarray(3);
        assert.ok(sent.length <= plain.length + 3);
        if (sent[0] & DEFLATED) assert.ok(inflateRawSync(payload).equals(plain));
        else assert.ok(Buffer.from(payload).equals(plain));
      }
    });

    test('no better than what a server lets a message inflate to', () => {
      const compressed = (n) => (engine.encode(4, 'x', new Uint8Array(n), 0, 0, false, 1, 0)[0] & DEFLATED) !== 0;
      assert.ok(compressed(64 << 10));
      assert.ok(!compressed((64 << 10) + 1));
    });

    test('changed streams never hurt', () => {
      const good = deflateRawSync(Buffer.from('some text, some more text '.repeat(40)));
      for (let i = 0; i < 3000; i++) {
        const bad = Buffer.from(good);
        for (let edits = random(3); edits >= 0; edits--) bad[random(bad.length)] = random(256);
        try {
          assert.ok(inflate(engine, bad, 4096).length <= 4096);
        } catch (e) {
          assert.match(String(e.code), /^ERR_MSG_00[24]$/);
        }
      }
    });

    test('only above the threshold, only when shorter, not what is compressed already', () => {
      const flags = (data, threshold) => engine.encode(4, 'x', data, 7, 0, true, threshold, 0)[0];
      const text = JSON.stringify('a'.repeat(1022)); // 1024 bytes
      assert.equal(flags(text, 1024) & DEFLATED, 0);
      assert.equal(flags(text, 1023) & DEFLATED, DEFLATED);
      assert.equal(flags(text, 0) & DEFLATED, 0, '0 is never');
      assert.equal(flags(text) & DEFLATED, 0);
      assert.equal(flags(sample(2000, 256), 10) & DEFLATED, 0, 'noise');
      const image = new Uint8Array(4000);
      image.set([0x89, 0x50, 0x4e, 0x47]);
      assert.equal(flags(image, 10) & DEFLATED, 0, 'a PNG');
      image[0] = 0;
      assert.equal(flags(image, 10) & DEFLATED, DEFLATED);
      assert.equal(flags(undefined, 10) & DEFLATED, 0);
    });

    test('text is inflated to text, an empty stream to no data, and the limit counts before compression', () => {
      const text = JSON.stringify({ s: 'grüße 🎮 '.repeat(300) });
      const sent = engine.encode(5, '', text, 7, 0, true, 100, 0);
      assert.ok(sent.length < 500 && (sent[0] & DEFLATED));
      assert.equal(engine.decode(sent, 1 << 20).payload, text);
      assert.equal(engine.decode(new Uint8Array([4 | DEFLATED, 1, 120, ...deflateRawSync('')]), 10).payload, undefined);
      assert.throws(() => engine.decode(new Uint8Array([4 | DEFLATED, 1, 120, ...deflateRawSync(Buffer.alloc(9, 0xff))]), 10), (e) => e.code === 'ERR_MSG_001');
      assert.throws(() => engine.encode(4, 'x', 'x'.repeat(1001), 0, 0, false, 10, 1000), (e) => e.code === 'ERR_MSG_004');
      assert.ok(engine.encode(4, 'x', 'x'.repeat(1000), 0, 0, false, 10, 1000));
    });
  });
}
