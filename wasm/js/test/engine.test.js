// The engines themselves: vectors shared with the Go tests, agreement with each other, memory, the
// page's globals.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import vm from 'node:vm';
import { pathToFileURL } from 'node:url';
import { SmartSocketError, client, createLogger, dist, jsEngine, loadWasmEngine, source, until } from './setup.js';
import { event, record, startServer, uvarint } from './fake-server.js';

const { wasmEngine } = await source('engine-wasm.js');
const { chooseEngine, forgetEngines } = await source('engine.js');
const quiet = createLogger(() => {});

const globalsBefore = Reflect.ownKeys(globalThis);
const wasm = await loadWasmEngine();
const engines = [jsEngine, wasm];
const LIMIT = 1 << 20;
const bytes = (b) => new Uint8Array(b); // the shell never hands a Buffer to an engine

test('loading leaves nothing in the global object', () => {
  assert.deepEqual(Reflect.ownKeys(globalThis), globalsBefore);
});

test('an engine is loaded once per URL, auto takes it as soon as it is there', async () => {
  const loads = [], swapped = [];
  const load = (url) => { loads.push(url); return Promise.resolve({ name: 'wasm', url }); };
  const choose = (engine, wasmURL) => chooseEngine({ engine, wasmURL }, load, quiet, (e) => swapped.push(e));
  const first = await choose('wasm', 'a');
  assert.equal(await choose('wasm', 'a'), first);
  assert.equal(await choose('auto', 'a'), first);
  assert.equal(await choose('auto', 'b'), jsEngine);
  assert.deepEqual([swapped.map((e) => e.url), loads], [['b'], ['a', 'b']]);
  assert.equal(await choose('js', 'a'), jsEngine);
  forgetEngines();
  assert.notEqual(await choose('wasm', 'a'), first);
  forgetEngines();
});

test('a missing engine is an error that can be tried again', async (t) => {
  const c = client(t, 'ws://127.0.0.1:1', { engine: 'wasm', wasmURL: pathToFileURL(join(dist, 'missing.wasm')).href });
  for (let i = 0; i < 2; i++) await assert.rejects(c.connect(), (e) => e.code === 'ERR_CONN_003' && /ENOENT|answered 404/.test(e.message));
});

for (const engine of engines) {
  describe('engine ' + engine.name, () => {
    test('round trip of events, acks and errors', () => {
      for (const [kind, name] of [[4, 'grüße'], [5, ''], [6, '']]) {
        for (const payload of [undefined, '{"a":1}', '"é🎮"', new Uint8Array([0, 1, 255]), new Uint8Array(0)]) {
          if (kind === 6 && typeof payload === 'object') continue;
          for (const [low, high] of [[0, 0], [7, 0], [0x80, 0], [0xffffffff, 0], [0, 1], [0xffffffff, 0xffffffff]]) {
            const m = engine.decode(engine.encode(kind, name, payload, low, high, true), LIMIT);
            assert.deepEqual([m.kind, m.event, m.ackLow, m.ackHigh], [kind, name, low, high]);
            if (payload instanceof Uint8Array) assert.deepEqual(new Uint8Array(m.payload), payload);
            else assert.equal(m.payload, payload);
          }
        }
      }
      const plain = engine.decode(engine.encode(4, 'x', undefined, 0, 0, false), LIMIT);
      assert.deepEqual([plain.flags, plain.payload], [0, undefined]);
    });

    test('handshake records', () => {
      const hello = engine.decode(bytes(record(1, [[1, 1], [2, Buffer.alloc(32)], [5, 7], [6, 2 ** 40], [7, 5000], [8, 100], [9, 60000], [1000, 'later']])), LIMIT);
      assert.deepEqual(hello.fields, { version: 1, random: new Uint8Array(32), algorithms: new Uint8Array(0), authRequired: true, resumeSupported: true, authEvent: true, maxMessageBytes: 2 ** 40, handshakeTimeout: 5000, rateLimit: 100, rateWindow: 60000 });
      const ack = engine.decode(bytes(record(3, [[1, 's_1'], [2, [1, 2, 3]], [3, 1], [4, 15000], [5, 1024], [6, 100], [7, 1700000000000000n], [8, 300]])), LIMIT);
      assert.deepEqual(ack.fields, { socketId: 's_1', sessionToken: new Uint8Array([1, 2, 3]), recovered: true, heartbeatInterval: 15000, compressionThreshold: 1024, maxMessageBytes: 100, serverTime: 1700000000000000, arrived: 300 });
      const away = engine.decode(bytes(record(9, [[1, 5000], [2, 3000], [3, 'wss://b/']])), LIMIT);
      assert.deepEqual(away.fields, { deadline: 5000, reconnectWindow: 3000, url: 'wss://b/', move: false });
      const ping = engine.decode(bytes(Buffer.concat([Buffer.from([7]), uvarint(1700000000000000n), uvarint(900), uvarint(0)])), LIMIT);
      assert.deepEqual(ping.fields, { serverTime: 1700000000000000, rtt: 900, clientTime: 0 });
      assert.deepEqual(engine.decode(engine.encodePong({ serverTime: 1700000000000001, rtt: 3, clientTime: 2 ** 52 }), LIMIT).fields, { serverTime: 1700000000000001, rtt: 3, clientTime: 2 ** 52 });
    });

    test('malformed input is refused', () => {
      const bad = [[], [0], [10], [15], [15, 1], [2, 1, 1, 1], [4], [4, 1, 10], [4, 2, 0xc2, 0x80], [4, 0], [4, 2, 65], [4, 1, 0xff], [0x44, 0x80], [0x44, 0x80, 0, 1, 65], [0x44, ...Array(9).fill(0xff), 2, 1, 65], [4, 129, 1, ...Array(129).fill(65)], [0x81], [1, 1], [1, 1, 1, 1, 1, 1, 1], [7, 1, 2], [7, 1, 2, 3, 4], [9, 1, 2, 0x80, 0]];
      for (const b of bad) assert.throws(() => engine.decode(new Uint8Array(b), LIMIT), (e) => e.code === 'ERR_MSG_001', b.join());
    });

    test('an event is read alike whether its name came before or not', () => {
      const name = 'known ' + engine.name, read = (b) => engine.decode(bytes(b), LIMIT);
      const long = 'x'.repeat(5000);
      for (const json of ['', '1', '"é🎮"', '"' + 'a'.repeat(253) + '"', '"' + 'a'.repeat(255) + '"', '"' + long + '"']) {
        const first = read(event(name, json)), second = read(event(name, json));
        assert.deepEqual(second, first);
        assert.equal(second.payload, json || undefined);
      }
      const [head, ...rest] = event(name, '');
      for (const tail of [[], [0, 255], new Array(3000).fill(7)]) {
        const m = read([head | 0x20, ...rest, ...tail]);
        assert.deepEqual([m.event, m.flags, [...new Uint8Array(m.payload)]], [name, 0x20, tail]);
      }
      const refused = (b) => assert.throws(() => read(b), (e) => e.code === 'ERR_MSG_001');
      refused([head, ...rest, 0x22, 0xff, 0x22]); // no UTF-8
      refused([head, ...rest].slice(0, -1));
      refused([head, 0]);
      refused([head]);
      for (let i = 0; i < 500; i++) { // more names than are remembered, some of them alike
        const other = String.fromCharCode(97 + i % 26, 97 + i % 25, 97 + i % 24);
        assert.equal(read(event(other, '1')).event, other);
      }
      assert.equal(read(event(name, '2')).event, name);
    });

    test('an event is encoded alike whether its name went out before or not', () => {
      const { encode } = jsEngine, texts = ['1', '"' + 'x'.repeat(254) + '"', '"' + 'x'.repeat(255) + '"', '"é"', '"' + 'z'.repeat(5000) + '"'];
      for (const name of ['plain', 'grüße', 'n'.repeat(127), 'n'.repeat(128)]) {
        const head = [...Buffer.from([4, ...uvarint(Buffer.from(name).length)]), ...Buffer.from(name)];
        for (const payload of [...texts, undefined, ...texts]) {
          const want = [...head, ...Buffer.from(payload ?? '')];
          assert.deepEqual([...engine.encode(4, name, payload, 0, 0, false, 0, LIMIT)], want);
          assert.deepEqual([...engine.encode(4, name, payload, 7, 0, true, 0, LIMIT)], [...encode(4, name, payload, 7, 0, true, 0, LIMIT)]);
        }
        const limited = (n) => () => engine.encode(4, name, '"12345678"', 0, 0, false, 0, n);
        assert.equal(limited(10)().length, head.length + 10);
        assert.throws(limited(9), (e) => e.code === 'ERR_MSG_004');
        assert.ok(engine.encode(4, name, '"' + 'y'.repeat(200) + '"', 0, 0, false, 100, LIMIT)[0] & 0x10, 'compressed');
      }
      for (let i = 0; i < 200; i++) assert.equal(engine.encode(4, 'event' + i, '1', 0, 0, false, 0, LIMIT).length, 8 + String(i).length);
    });

    test('an oversized buffer does not disturb the messages after it', () => {
      const big = engine.encode(4, 'big', 'x'.repeat(3 << 20), 0, 0, false);
      assert.equal(engine.decode(big, LIMIT * 8).payload.length, 3 << 20);
      assert.equal(engine.decode(bytes(event('small', '1')), LIMIT).payload, '1');
      const raw = engine.encode(4, 'big', new Uint8Array(5 << 20).fill(7), 0, 0, false);
      assert.ok(new Uint8Array(engine.decode(raw, LIMIT * 8).payload).every((b) => b === 7));
    });

    test('results are owned by the caller', () => {
      const first = engine.encode(4, 'a', new Uint8Array([1]), 0, 0, false), copy = first.slice();
      const m = engine.decode(first, LIMIT);
      engine.decode(engine.encode(4, 'b', new Uint8Array([2, 2]), 0, 0, false), LIMIT);
      assert.deepEqual(first, copy);
      assert.deepEqual([...new Uint8Array(m.payload)], [1]);
    });
  });
}

test('100 000 messages leave the wasm memory as it was', async () => {
  const exports = await freshExports();
  const engine = wasmEngine(exports, SmartSocketError);
  const message = bytes(event('position', JSON.stringify({ x: 1.5, y: 2.5, id: 'player-1' }), { seq: 70000 }));
  const run = (n) => {
    for (let i = 0; i < n; i++) {
      assert.equal(engine.decode(message, LIMIT).seq, 70000);
      engine.encode(4, 'move', '{"x":1}', i, 0, true);
      if (i % 100 === 0) assert.throws(() => engine.decode(message.subarray(0, 5), LIMIT));
    }
  };
  run(5000);
  const before = exports.mem.buffer.byteLength;
  run(100000);
  assert.equal(exports.mem.buffer.byteLength, before);
});

test('large and small messages in turn do not pile up in the wasm memory', async () => {
  const exports = await freshExports(), engine = wasmEngine(exports, SmartSocketError);
  const large = new Uint8Array(3 << 20), small = bytes(event('s'));
  large.set([0x24, 1, 65]); // a binary EVENT named A
  for (let i = 0; i < 200; i++) {
    assert.equal(engine.decode(large, 1 << 30).payload.byteLength, large.length - 3);
    assert.equal(engine.decode(small, LIMIT).event, 's');
  }
  assert.ok(exports.mem.buffer.byteLength < 64 << 20, exports.mem.buffer.byteLength + ' bytes');
});

test('thousands of encrypted connections that come and go leave the wasm memory as it was', async () => {
  const exports = await freshExports(), engine = wasmEngine(exports, SmartSocketError);
  const hello = bytes(record(1, [[1, 1], [2, Buffer.alloc(32, 7)], [3, [1, 2]]])), key = Buffer.alloc(32).fill('key').toString('base64');
  const connect = { random: new Uint8Array(32), namespace: '', apiKey: 'k', sessionToken: new Uint8Array(0), lastSeq: 0, canInflate: true, client: 'x' };
  const run = (n) => {
    for (let i = 0; i < n; i++) {
      const { ends } = engine.encodeSealedConnect(connect, key, hello, 1 + i % 2);
      for (let j = 0; j < 10; j++) ends.seal(hello);
      ends.close();
    }
  };
  run(2000);
  const before = exports.mem.buffer.byteLength;
  run(8000);
  assert.equal(exports.mem.buffer.byteLength, before);
});

let instances = 0;

async function freshExports() {
  // a module runs only once per URL
  await import(pathToFileURL(join(dist, 'wasm_exec.js')).href + '?' + ++instances);
  const slot = Symbol.for('@smartsocket/go');
  const Go = globalThis[slot];
  delete globalThis[slot];
  const go = new Go();
  const { instance } = await WebAssembly.instantiate(readFileSync(join(dist, 'smartsocket.wasm')), go.importObject);
  go.run(instance);
  return instance.exports;
}

test('both engines agree on mutated messages', () => {
  const seeds = [
    event('move', '{"x":1}', { ack: 300, seq: 5 }), event('move', '"\u00e4\u2603"', { seq: 2 ** 27 }), event('move', '"x"', { ack: 2 ** 28 }), event('move', '"' + '\u00e4'.repeat(300) + '"'), Buffer.from([0xc5, 0x80, 1, 7, 0x31]), Buffer.from([0x65, 7, 1, 2]),
    event('bytes', [1, 2, 3], { binary: true }), Buffer.from([0x45, 7, 0x31]), Buffer.from([0x46, 7, 0x7b, 0x7d]),
    record(1, [[1, 1], [2, Buffer.alloc(32)], [6, 70000]]), record(3, [[1, 's_1'], [3, 1], [4, 15000]]), record(9, [[1, 5], [2, 6], [3, 'ws://x']]), Buffer.from([7, 1, 2, 3]), Buffer.from([8, 0x80, 1, 2, 3]),
  ];
  let state = 1; // a fixed generator: a failure comes back
  const random = (n) => { state = (Math.imul(state, 1103515245) + 12345) >>> 0; return (state >>> 8) % n; };
  const outcome = (engine, b) => { try { return engine.decode(b, LIMIT); } catch (e) { return e.code; } };
  for (let i = 0; i < 40000; i++) {
    const b = new Uint8Array(seeds[random(seeds.length)]);
    for (let edits = random(3); edits >= 0; edits--) b[random(b.length)] = random(4) ? random(256) : [0, 1, 0x7f, 0x80, 0xff][random(5)];
    const cut = random(4) ? b : b.subarray(0, random(b.length + 1));
    assert.deepEqual(outcome(wasm, cut), outcome(jsEngine, cut), Buffer.from(cut).toString('hex'));
  }
});

test('the script build sets window.SmartSocketClient and nothing else', async () => {
  const window = { location: { href: 'https://example.test/' } };
  Object.assign(window, { self: window, globalThis: window, URL, setTimeout, clearTimeout, Promise, Map, Set, TextEncoder, TextDecoder, Uint8Array, console });
  const before = Object.keys(window);
  // an old browser
  const script = readFileSync(join(dist, 'SmartSocketClient.js'), 'utf8').replaceAll('typeof globalThis', 'typeof undefined');
  vm.runInNewContext(script, vm.createContext(window));
  assert.deepEqual(Object.keys(window).filter((k) => !before.includes(k)), ['SmartSocketClient']);
  assert.equal(new window.SmartSocketClient('/game').connected, false);
  const c = new window.SmartSocketClient('/game', { engine: 'js', WebSocket: function (url) { window.opened = url; } });
  c.connect().catch(() => {});
  await until(() => window.opened);
  assert.equal(window.opened, 'wss://example.test/game');
  c.disconnect();
});
