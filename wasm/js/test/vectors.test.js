// The vectors that Go's package message is tested with, through both engines and the shell's reader
// of text messages.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { jsEngine, loadWasmEngine, source, vectorsPath } from './setup.js';

const { fromJSON, valueOf } = await source('message.js');
const { errorFromWire } = await source('errors.js');
const { isReserved } = await source('listeners.js');

const missing = !existsSync(vectorsPath) && vectorsPath + ' is missing';
const vectors = missing ? {} : JSON.parse(readFileSync(vectorsPath, 'utf8'));
const CONNECT = 2, EVENT = 4, ACK = 5, ERROR = 6, PONG = 8, SEALED = 15;
const ACKED = 0x40, BINARY = 0x20, DEFLATED = 0x10, SEQ = 0x80;
const LIMIT = 1 << 24;

const unhex = (s) => new Uint8Array(Buffer.from(s, 'hex'));
const hex = (b) => Buffer.from(b).toString('hex');
const words = (decimal) => [Number(BigInt(decimal) & 0xffffffffn), Number(BigInt(decimal) >> 32n)];
const invalid = (e) => e.code === 'ERR_MSG_001';

// decoded is a vector's payload in the form engines give it.
function decoded(v) {
  if (v.flags & BINARY) return unhex(v.payload).buffer;
  return v.payload === '' ? undefined : Buffer.from(v.payload, 'hex').toString();
}

for (const engine of missing ? [] : [jsEngine, await loadWasmEngine()]) {
  describe('vectors on engine ' + engine.name, () => {
    for (const v of vectors.binary) {
      test(v.name, () => {
        if (v.kind === CONNECT || v.kind === SEALED) { // not for clients
          assert.throws(() => engine.decode(unhex(v.hex), LIMIT), invalid);
          return;
        }
        if (v.flags & DEFLATED) { // the vector's payload is none; flate.test.js has such that are
          assert.throws(() => engine.decode(unhex(v.hex), LIMIT), (e) => e.code === 'ERR_MSG_002');
          return;
        }
        const m = engine.decode(unhex(v.hex), LIMIT);
        assert.deepEqual([m.kind, m.flags, m.event, m.seq, m.ackLow, m.ackHigh], [v.kind, v.flags, v.event, Number(v.seq), ...words(v.ack)]);
        if (v.kind < EVENT || v.kind > ERROR) return;
        assert.deepEqual(m.payload, decoded(v));
        if (v.flags & SEQ) return; // clients send none
        const payload = m.payload instanceof ArrayBuffer ? new Uint8Array(m.payload) : m.payload;
        assert.equal(hex(engine.encode(v.kind, v.event, payload, ...words(v.ack), (v.flags & ACKED) !== 0)), v.hex);
      });
    }

    for (const v of vectors.records) {
      test(v.name, () => {
        const want = v.fields;
        if (v.kind === CONNECT) {
          // such a one this client never writes
          if (want.version !== '1' || want.algorithm !== '0' || want.keyId !== '') return;
          const string = (h) => Buffer.from(h, 'hex').toString();
          assert.equal(hex(engine.encodeConnect({ random: unhex(want.random), namespace: string(want.namespace), apiKey: string(want.apiKey), sessionToken: unhex(want.sessionToken), lastSeq: Number(want.lastSeq), canInflate: want.canInflate === '1', canMove: want.canMove === '1', client: string(want.client) })), v.hex);
          return;
        }
        const { fields } = engine.decode(unhex(v.hex), LIMIT);
        for (const name of Object.keys(fields)) {
          const got = fields[name];
          if (typeof got === 'boolean') assert.equal(got, want[name] === '1', name);
          else if (typeof got === 'number') assert.equal(got, Number(want[name]), name);
          else assert.equal(hex(typeof got === 'string' ? Buffer.from(got) : got), want[name], name);
        }
        if (v.kind === PONG && Number.isSafeInteger(fields.clientTime)) assert.equal(hex(engine.encodePong(fields)), v.hex);
      });
    }

    for (const v of vectors.invalid) {
      if (v.reader === 'json' || v.reader === 'error') continue;
      test('invalid ' + v.reader + ' ' + v.name, () => {
        assert.throws(() => engine.decode(unhex(v.hex), LIMIT), (e) => e.code === v.code);
      });
    }

    test('event names', () => {
      for (const v of vectors.names) {
        const name = unhex(v.hex), message = new Uint8Array([EVENT, ...(name.length > 127 ? [name.length & 0x7f | 0x80, name.length >> 7] : [name.length]), ...name]);
        if (!v.valid) {
          assert.throws(() => engine.decode(message, LIMIT), invalid, v.hex);
          continue;
        }
        const { event } = engine.decode(message, LIMIT);
        assert.equal(hex(Buffer.from(event)), v.hex);
        assert.equal(isReserved(event), v.reserved, event);
      }
    });
  });
}

describe('vectors of text messages', { skip: missing }, () => {
  for (const v of vectors.json ?? []) {
    test(v.name, () => {
      const m = fromJSON(v.text);
      assert.deepEqual([m.kind, m.event, (m.flags & ACKED) !== 0], [v.kind, v.event, v.ack !== null]);
      assert.equal(m.ackHigh * 2 ** 32 + m.ackLow, v.ack ?? 0);
      assert.deepEqual(valueOf(m), v.payload === null ? undefined : JSON.parse(v.payload));
    });
  }

  for (const v of vectors.errors ?? []) {
    test('error ' + v.name, () => {
      const e = errorFromWire(JSON.parse(v.text));
      assert.deepEqual([e.code, e.event ?? '', e.retryAfter ?? 0], [v.code, v.event, v.retryAfter]);
      assert.deepEqual(e.details, v.details === '' ? undefined : JSON.parse(v.details));
      if (v.message !== '') assert.equal(e.message, v.message);
    });
  }

  // JSON.parse does not tell
  const hidden = /^(duplicate |too deep|ack fraction|ack exponent|event not UTF-8)/;
  for (const v of (vectors.invalid ?? []).filter((v) => v.reader === 'json' && !hidden.test(v.name))) {
    test('invalid ' + v.name, () => assert.throws(() => fromJSON(Buffer.from(v.hex, 'hex').toString()), (e) => e.code === v.code));
  }
});
