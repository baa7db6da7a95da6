// The return of a client to real servers, through a relay that is cut; started by TestReturn
// (../../return_test.go).

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { client, engines, next, until } from './setup.js';

const control = process.env.SMARTSOCKET_RETURN_CONTROL;
const ask = async (path) => (await fetch(control + path)).text();
const arrived = async (who) => JSON.parse(await ask('/arrived?' + encodeURIComponent(who)));

for (const engine of engines.slice(0, -1)) {
  describe('the return on engine ' + engine, { skip: !control && 'run by go test ./wasm' }, () => {
    // cut cuts the relay at address and resolves once c has noticed.
    async function cut(c, address) {
      const lost = next(c, 'disconnected');
      await ask('/cut?' + address);
      await lost;
    }

    test('to a server that requires auth, refused before it or not', async (t) => {
      const address = await ask('/relay?auth'), c = client(t, address, { engine });
      const raised = [];
      c.on('error', (e) => raised.push(e.code));
      await c.connect();
      c.emit('move', 1);
      assert.equal(await c.emitWithAck('auth', 'good'), true);
      assert.deepEqual(raised, ['ERR_CONN_004']);
      const again = next(c, 'reconnected');
      await cut(c, address);
      await again;
      assert.equal(await c.emitWithAck('auth', 'good'), true);
    });

    test('what was queued is handled behind the authentication', async (t) => {
      const address = await ask('/relay?auth'), name = 'queue ' + engine, raised = [];
      const c = client(t, address, { engine });
      c.on('error', (e) => raised.push(e.code));
      c.on('connected', async () => { await c.emitWithAck('auth', name); });
      await c.connect();
      await cut(c, address);
      for (let n = 0; n < 5; n++) c.emit('move', n);
      const asked = c.emitWithAck('move', 5);
      await asked;
      assert.deepEqual(await arrived(name), [0, 1, 2, 3, 4, 5]);
      assert.deepEqual(raised, []);
    });

    test('with a fresh token for each attempt, before and after the session has ended', async (t) => {
      const address = await ask('/relay?auth'), name = 'token ' + engine, raised = [];
      let calls = 0;
      const c = client(t, address, { engine, auth: async () => { calls++; return name; } });
      c.on('error', (e) => raised.push(e.code));
      const before = c.emitWithAck('move', 'before');
      await c.connect();
      await before;
      for (let round = 1; round <= 2; round++) {
        await cut(c, address);
        c.emit('move', round);
        await c.emitWithAck('move', 'asked ' + round);
      }
      assert.deepEqual(await arrived(name), ['before', 1, 'asked 1', 2, 'asked 2']);
      assert.deepEqual([raised, calls], [[], 3]);
    });

    test('261 parked moves: the latest comes first, then fresh ones, and no limit is hit', async (t) => {
      const address = await ask('/relay?limited'), c = client(t, address, { engine });
      c.on('__rate-limited__', (m) => assert.fail(m.message));
      c.setEmitOptions('move', { state: true });
      await c.connect();
      await cut(c, address);
      for (let n = 1; n <= 261; n++) c.emit('move', n);
      await next(c, 'reconnected');
      c.emit('move', 'fresh');
      assert.deepEqual(await c.emitWithAck('moves'), [261, 'fresh']);
    });

    test('261 parked moves that must all arrive: no limit is hit, either', async (t) => {
      const address = await ask('/relay?limited'), c = client(t, address, { engine });
      c.on('__rate-limited__', (m) => assert.fail(m.message));
      await c.connect();
      await cut(c, address);
      for (let n = 1; n <= 261; n++) c.emit('move', n);
      await next(c, 'reconnected');
      assert.equal(c.getStats().queued, 261 - 90);
      await until(() => c.getStats().rtt > 0); // the server has read what came before its answers
      assert.equal(Number(await ask('/refused')), 0);
    });
  });
}
