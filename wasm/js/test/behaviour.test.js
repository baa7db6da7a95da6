// What e2e.test.js leaves out: waits that end otherwise, the queue, recovery, clocks. It runs in
// browsers too; servers by codes_test.go.

import assert from 'node:assert/strict';
import { join as path } from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { client, code, dist, engines, next, until } from './setup.js';

const url = process.env.SMARTSOCKET_CODES_URL;
const control = process.env.SMARTSOCKET_CONTROL;
const ask = async (path) => (await fetch(control + path)).text();

for (const engine of engines.slice(0, -1)) {
  describe('behaviour on engine ' + engine, { skip: !url && 'run by go test ./wasm' }, () => {
    async function join(t, options) {
      const c = client(t, url, { engine, ...options });
      await c.connect();
      return c;
    }

    test('an AbortSignal ends the wait for an ack', async (t) => {
      const c = await join(t), stop = new AbortController();
      const wait = c.emitWithAck('silent', 1, { signal: stop.signal });
      stop.abort();
      await assert.rejects(wait, (e) => e.name === 'AbortError');
      await assert.rejects(c.emitWithAck('silent', 1, { signal: stop.signal }), (e) => e.name === 'AbortError');
      assert.equal(c.getStats().pendingAcks, 0);
      assert.equal(await c.emitWithAck('typed', 3), 3);
    });

    test('a listener that throws stops nobody else and fails its ack', async (t) => {
      const c = await join(t), heard = [], write = console.error, lines = [];
      t.after(() => { console.error = write; });
      console.error = (...args) => lines.push(args.join(' '));
      c.on('question', () => { throw new Error('on purpose'); }).on('question', () => heard.push('second'));
      assert.equal(await c.emitWithAck('ask'), 'ERR_APP_002');
      assert.deepEqual([heard, lines.length], [['second'], 1]);
      assert.equal(await c.emitWithAck('typed', 4), 4);
    });

    test('what is emitted before there is a connection goes out with it, in order', async (t) => {
      const c = client(t, url, { engine, offlineQueueSize: 3 }), got = [], failed = [];
      for (let i = 0; i < 5; i++) c.emitWithAck('typed', i).then((n) => got.push(n), (e) => failed.push(e.code));
      assert.deepEqual([c.getStats().queued, c.getStats().dropped], [3, 2]);
      await c.connect();
      await until(() => got.length === 3);
      assert.deepEqual([got, failed], [[2, 3, 4], ['ERR_CONN_006', 'ERR_CONN_006']]);
      const strict = client(t, url, { engine, offlineQueue: false });
      await assert.rejects(strict.emitWithAck('typed', 1), code('ERR_CONN_006'));
    });

    test('a session that was cut off is recovered with all that was sent meanwhile', async (t) => {
      const address = await ask('/relay'), c = client(t, address, { engine }), got = [];
      await c.connect();
      const id = c.id;
      c.on('news', (n) => got.push(n));
      for (let round = 0; round < 3; round++) {
        const again = next(c, 'reconnected'), lost = next(c, 'disconnected');
        await ask('/cut?' + address);
        await lost;
        await ask('/news'); // ten events while nobody is there
        assert.deepEqual(await again, [true, undefined].slice(0, (await again).length));
        await until(() => got.length >= 10 * (round + 1));
      }
      assert.equal(c.id, id);
      assert.deepEqual(got, Array.from({ length: 30 }, (_, i) => i % 10));
      assert.equal(c.getStats().reconnects, 3);
    });

    test('the round trip and the clocks are measured', async (t) => {
      const c = await join(t);
      await until(() => c.getStats().rtt > 0);
      const { rtt, clockOffset } = c.getStats();
      // one machine, one clock
      assert.ok(rtt < 60000 && Math.abs(clockOffset) < 60000, rtt + ' ' + clockOffset);
    });

    test('disconnect is final', async (t) => {
      const c = await join(t), events = [];
      c.on('disconnected', (reason, detail) => events.push(detail.reconnects)).on('reconnecting', () => events.push('reconnecting'));
      const wait = c.emitWithAck('silent');
      c.disconnect();
      await assert.rejects(wait, code('ERR_CONN_006'));
      assert.deepEqual([events, c.connected], [[false], false]);
      await c.connect();
      assert.equal(await c.emitWithAck('typed', 5), 5);
    });
  });
}

test('an engine that fails in the middle costs its connection; the next one gets another', { skip: !url || engines[0] !== 'wasm' }, async (t) => {
  const names = ['instantiate', 'instantiateStreaming'], real = names.map((name) => WebAssembly[name]);
  t.after(() => names.forEach((name, i) => { WebAssembly[name] = real[i]; }));
  let broken = false, made = 0;
  // An instance whose first copy traps on demand, as Go does when it runs out of memory.
  const trap = (instance) => {
    const first = made++ === 0, exports = { ...instance.exports };
    for (const name in exports) {
      if (name.startsWith('ss_')) exports[name] = (...args) => { if (first && broken) throw new WebAssembly.RuntimeError('unreachable'); return instance.exports[name](...args); };
    }
    return new Proxy(instance, { get: (target, name) => name === 'exports' ? exports : target[name] });
  };
  names.forEach((name, i) => {
    WebAssembly[name] = async (...args) => ({ instance: trap((await real[i].apply(WebAssembly, args)).instance) });
  });
  const c = client(t, url, { engine: 'wasm', wasmURL: pathToFileURL(path(dist, 'smartsocket.wasm')).href + '?trap' });
  await c.connect();
  assert.equal(await c.emitWithAck('typed', 1), 1);
  const again = next(c, 'reconnected');
  broken = true;
  await assert.rejects(c.emitWithAck('typed', 2), code('ERR_CONN_006'));
  await again;
  assert.equal(await c.emitWithAck('typed', 3), 3);
  assert.deepEqual([made, c.getStats().engine], [2, 'wasm']);
});
