// States of a real server; started by TestStateEndToEnd (../../state_e2e_test.go), which has a world
// for each client and does what steps say.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SmartSocketClient, WebSocket, client, engines, loadState, next, until } from './setup.js';

const { State, predict, state } = await loadState();
const url = process.env.SMARTSOCKET_STATE_URL;

for (const engine of engines.filter((e) => e !== 'auto')) {
  describe('states on engine ' + engine, { skip: !url && 'run by go test ./wasm' }, () => {
    async function join(t, options) {
      const c = client(t, url + '/state', { engine, ...options }), arena = state(c, 'arena');
      await c.connect();
      const step = (what, more) => c.emitWithAck('step', { do: what, ...more });
      const synced = () => new Promise((resolve) => { const off = arena.onChange((...heard) => { off(); resolve(heard); }); });
      return { c, arena, step, synced };
    }

    test('importing it adds a method to clients, also to subclasses', () => {
      class Mine extends SmartSocketClient {}
      const c = new Mine('ws://127.0.0.1:1');
      assert.ok(c.state('arena') instanceof State);
      assert.equal(c.state('arena'), state(c, 'arena'));
    });

    test('from the first snapshot to the end', async (t) => {
      const { arena, step, synced } = await join(t), log = [];
      arena.entries('players', {
        added: (p, key) => log.push(['+', key, p.name]),
        changed: (p, key, fields) => log.push([key, ...fields]),
        removed: (_, key) => log.push(['-', key]),
      });
      arena.listen('phase', (now, before) => log.push([now, before]));
      const first = synced();
      await step('put', { key: 'me', text: 'Ann', x: 1.25, n: 3 });
      const [value, message] = await first, me = value.players.get('me');
      assert.deepEqual([message.snapshot, message.tick, arena.synced, arena.step], [true, 1, true, 50]);
      assert.ok(Math.abs(arena.now() - arena.time) < 60000 && Math.abs(arena.lag) < 60000);
      assert.deepEqual([me.name, me.cards], ['Ann', [7, 3]]);
      await step('put', { key: 'other', text: 'Bob', n: 1 });
      await step('put', { key: 'me', text: 'Ann', x: 2 });
      await step('phase', { text: 'play' });
      await step('delete', { key: 'other' });
      for (const n of [5, 4, 9]) await step('box', { n, text: 'wood' });
      await step('sort');
      await until(() => arena.tick === 9);
      assert.deepEqual([value.boxes.map((b) => b.id), value.name, [...value.blob]], [[4, 5, 9], 'Jörg 🎮', [0, 255]]);
      assert.deepEqual(log, [['+', 'me', 'Ann'], ['lobby', undefined], ['+', 'other', 'Bob'],
        ['me', 'x', 'cards'], ['play', 'lobby'], ['-', 'other']]);
      assert.deepEqual([arena.value, value.players.get('me'), value.players.size], [value, me, 1]);
      const over = new Promise((resolve) => { arena.onSync(resolve); });
      await step('end');
      assert.deepEqual([await over, arena.ended], [false, true]);
      const second = synced();
      await step('put', { key: 'me', text: 'Ann' });
      await second;
      assert.deepEqual([arena.ended, arena.tick, arena.value, value.phase], [false, 1, value, 'lobby']);
    });

    test('cards of others are not shown', async (t) => {
      const { arena, step, synced } = await join(t), first = synced();
      await step('put', { key: 'other', text: 'Bob', n: 1 });
      await first;
      assert.deepEqual(arena.value.players.get('other').cards, []);
    });

    test('a loss and bytes that make no sense are repaired by one question each', async (t) => {
      const { arena, step, synced } = await join(t), errors = [], first = synced();
      arena.onError((e) => errors.push(e.code));
      await step('put', { key: 'me', text: 'Ann' });
      await first;
      const me = arena.value.players.get('me');
      await step('lose');
      await step('put', { key: 'eve', text: 'Eve' });
      await until(() => arena.synced && arena.value.players.has('eve'));
      for (const [i, bad] of ['garble', 'text'].entries()) {
        await step(bad);
        await until(() => errors.length === i + 1);
        await until(() => arena.synced);
      }
      assert.deepEqual(errors, ['ERR_MSG_001', 'ERR_MSG_001']);
      assert.equal(arena.value.players.get('me'), me);
      assert.equal(await step('phase', { text: 'over' }), 3);
      await until(() => arena.value.phase === 'over');
    });

    test('after a lost connection a snapshot brings the same objects up to date', async (t) => {
      const sockets = [], log = [];
      class Kept extends (WebSocket ?? globalThis.WebSocket) {
        constructor(...args) {
          super(...args);
          sockets.push(this);
        }
      }
      const { c, arena, step, synced } = await join(t, { WebSocket: Kept }), first = synced();
      await step('put', { key: 'me', text: 'Ann' });
      await step('put', { key: 'bob', text: 'Bob' });
      await first;
      await until(() => arena.value.players.size === 2);
      const { value } = arena, me = value.players.get('me');
      arena.onSync((is) => log.push(is));
      arena.entries('players', { removed: (_, key) => log.push('-' + key), changed: (_, key, fields) => log.push(key + ' ' + fields) });
      const again = next(c, 'connected');
      sockets[0].close();
      await again;
      await step('put', { key: 'me', text: 'Ann', x: 3 }); // in a world that is new
      await until(() => arena.synced);
      assert.deepEqual(log, [false, '-bob', 'me x', true]);
      assert.deepEqual([arena.value === value, value.players.get('me') === me], [true, true]);
    });

    test('what is predicted is what the server makes of it', async (t) => {
      const { arena, step, synced } = await join(t), first = synced();
      await step('put', { key: 'me', text: 'Ann', x: 10 });
      await first;
      const me = predict(arena, {
        from: ({ players }) => ({ x: players.get('me').x }),
        apply: (mine, { dx }) => { mine.x += dx; },
      });
      for (let i = 1; i <= 5; i++) assert.equal(me.send({ dx: 0.5 }), i);
      assert.deepEqual([me.value.x, me.pending, arena.value.players.get('me').x], [12.5, 5, 10]);
      await step('phase', { text: 'play' });
      await until(() => arena.acked === 5);
      assert.deepEqual([me.value.x, me.pending, arena.value.players.get('me').x], [12.5, 0, 12.5]);
    });
  });
}
