// What a state tells its listeners, when it asks for a snapshot, what is shown between ticks, and
// what is predicted.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadState } from './setup.js';
import { uvarint } from './fake-server.js';
import {
  Hearer, ball, box, delta, end, entries, list, player, schema, snapshot, wins,
} from './state-messages.js';

const { interpolate, lerp, lerpAngle, predict, state } = await loadState();
const BEGIN = 1_750_000_000_000; // ms

function start(t) {
  const client = new Hearer(), arena = state(client, 'arena'), errors = [], log = [];
  arena.onError((e) => errors.push(e.message));
  t.after(() => arena.close());
  return { client, arena, errors, log, hear: (message) => client.raise('arena', message) };
}

// clock lets the test t set the time, in milliseconds.
function clock(t) {
  let now = BEGIN;
  t.mock.method(performance, 'now', () => now - BEGIN + 1000);
  t.mock.timers.enable({ apis: ['Date', 'setTimeout'], now: BEGIN });
  return (ms) => {
    now += ms;
    t.mock.timers.tick(ms);
  };
}

const two = () => entries([], [[0, 'ann', player({ x: 1 })], [1, 'bob', player({})]]);

test('a state is the same for each call, until it is closed', () => {
  const client = new Hearer(), arena = state(client, 'arena');
  assert.equal(state(client, 'arena'), arena);
  assert.notEqual(state(client, 'other'), arena);
  assert.notEqual(state(new Hearer(), 'arena'), arena);
  arena.close();
  arena.close();
  const next = state(client, 'arena');
  assert.notEqual(next, arena);
  client.raise('arena', snapshot(1, BEGIN, 0, { phase: 1 }));
  assert.deepEqual([arena.value, next.value.phase], [undefined, 'play']);
});

test('the value stays the same objects', (t) => {
  const { arena, hear, errors } = start(t);
  assert.deepEqual([arena.value, arena.synced, arena.tick], [undefined, false, 0]);
  hear(snapshot(7, BEGIN, 50, { phase: 1, players: two(), ball: { x: 2 } }, { input: 3 }));
  const { value } = arena, { players, boxes } = value, ann = players.get('ann'), { ball: b } = value;
  assert.deepEqual(value, { phase: 'play', ball: { x: 2, turn: 0 }, boxes: [], wins: new Map(),
    players: new Map([['ann', { x: 1, at: { x: 0, turn: 0 }, items: new Map() }],
      ['bob', { x: 0, at: { x: 0, turn: 0 }, items: new Map() }]]) });
  assert.deepEqual([arena.synced, arena.tick, arena.time, arena.step, arena.acked],
    [true, 7, BEGIN, 50, 3]);
  hear(delta(9, 2, { ball: { x: -1 }, players: entries([1], [[0, player({ x: 5 })]]),
    boxes: list([], [[0, 4, box({})], [1, 9, box({ full: true })]], [1, 0]) }, { input: 4 }));
  assert.deepEqual([arena.tick, arena.time, arena.acked, arena.value], [9, BEGIN + 100, 4, value]);
  assert.deepEqual([ann.x, b.x, players.size, boxes.map((x) => x.id)], [5, -1, 1, [9, 4]]);
  // The snapshot for who comes back has other slots, and one player more.
  hear(snapshot(20, BEGIN, 50, { players: entries([], [[0, 'eve', player({})], [3, 'ann', player({ x: 6 })]]) },
    { text: '' }));
  assert.equal(arena.value, value);
  assert.equal(value.players.get('ann'), ann);
  assert.deepEqual([ann.x, [...players.keys()].sort(), boxes.length, b.x, value.phase],
    [6, ['ann', 'eve'], 0, 0, 'lobby']);
  hear(delta(21, 1, { players: entries([], [[3, player({ x: 7 })]]) }));
  assert.deepEqual([ann.x, errors], [7, []]);
});

test('listeners of fields hear the value, and each change of it', (t) => {
  const { arena, hear, log } = start(t);
  const hears = (name) => (now, before) => log.push([name, now, before]);
  const off = arena.listen('phase', hears('phase'));
  arena.listen('ball.x', hears('x'));
  arena.listen('ball', (now, before) => log.push(['ball', now === before]));
  assert.deepEqual(log.splice(0), []);
  hear(snapshot(1, BEGIN, 50, { ball: { x: 2 } }));
  assert.deepEqual(log.splice(0), [['phase', 'lobby', undefined], ['x', 2, undefined], ['ball', false]]);
  arena.listen('ball.turn', hears('turn'));
  assert.deepEqual(log.splice(0), [['turn', 0, undefined]]);
  hear(delta(2, 1, { phase: 1, ball: { x: 3 } }));
  assert.deepEqual(log.splice(0), [['phase', 'play', 'lobby'], ['x', 3, 2], ['ball', true]]);
  hear(delta(3, 1, { phase: 1, ball: { x: 3 } })); // the same again
  assert.deepEqual(log.splice(0), []);
  off();
  off();
  hear(snapshot(4, BEGIN, 50));
  assert.deepEqual(log.splice(0), [['x', 0, 3], ['ball', true]]);
  for (const [...bad] of [['nothing', () => {}], ['ball.y', () => {}], ['phase.x', () => {}], [arena.value, 'y', () => {}],
    ['toString', () => {}], [null, 'x', () => {}], ['phase', 7]]) {
    assert.throws(() => arena.listen(...bad), TypeError, JSON.stringify(bad));
  }
  assert.throws(() => arena.entries('phase', {}), TypeError);
  assert.throws(() => arena.entries('nothing', {}), TypeError);
});

test('listeners of entries hear who is there, comes, changes and goes', (t) => {
  const { arena, hear, log } = start(t);
  const hears = (name) => ({
    added: (_, key) => log.push([name, '+', key]),
    changed: (_, key, fields) => log.push([name, key, ...fields]),
    removed: (_, key) => log.push([name, '-', key]),
  });
  const off = arena.entries('players', hears('players'));
  hear(snapshot(1, BEGIN, 50, { players: two(), wins: wins([], [[0, -3, Buffer.from([1])]]) }));
  assert.deepEqual(log.splice(0), [['players', '+', 'ann'], ['players', '+', 'bob']]);
  arena.entries('boxes', hears('boxes'));
  arena.entries('wins', hears('wins'));
  arena.entries(arena.value.players.get('ann').items, hears('items'));
  const ann = arena.value.players.get('ann');
  arena.listen(ann, 'x', (now) => log.push(['ann.x', now]));
  arena.listen(ann.at, 'turn', (now) => log.push(['turn', now]));
  assert.deepEqual(log.splice(0), [['wins', '+', -3], ['ann.x', 1], ['turn', 0]]);
  hear(delta(2, 1, {
    players: entries([1], [[0, player({ x: 2, at: { turn: 1 }, items: entries([], [[0, 'gem', Buffer.from([2])]]) })],
      [2, 'eve', player({})]]),
    boxes: list([], [[0, 5, box({})], [1, 6, box({})]]),
    wins: wins([], [[0, Buffer.from([7])]]),
  }));
  assert.deepEqual(log.splice(0), [['players', '-', 'bob'], ['players', '+', 'eve'],
    ['players', 'ann', 'x', 'at', 'items'], ['ann.x', 2], ['turn', 1], ['items', '+', 'gem'],
    ['boxes', '+', 5], ['boxes', '+', 6], ['wins', -3]]);
  assert.equal(arena.value.wins.get(-3), 7);
  hear(delta(3, 1, { boxes: list([], [[0, 5, box({ full: true })]], [1, 0]), players: entries([0], [[0, 'ann', player({})]]) }));
  assert.deepEqual(log.splice(0), [['players', 'ann', 'x', 'at', 'items'], ['ann.x', 0], ['turn', 0], ['items', '-', 'gem'], ['boxes', 5, 'full']]);
  off();
  hear(delta(4, 1, { players: entries([0, 2], []), boxes: list([1], []) }));
  assert.deepEqual(log.splice(0), [['boxes', '-', 6]]);
  assert.equal(arena.value.players.size, 0);
});

test('a list tells when only its order has changed', (t) => {
  const { arena, hear, log } = start(t);
  hear(snapshot(1, BEGIN, 50, { boxes: list([], [[0, 1, box({})], [1, 2, box({})]], [0, 1]) }));
  arena.listen('boxes', (boxes) => log.push(boxes.map((b) => b.id).join()));
  hear(delta(2, 1, { boxes: list([], [], [1, 0]) }));
  hear(delta(3, 1, { boxes: list([], [], [1, 0]) }));
  assert.deepEqual(log, ['1,2', '2,1']);
});

test('onChange hears once per message, behind the others, and listeners may fail', (t) => {
  const { arena, hear, log } = start(t), failed = t.mock.method(console, 'error', () => {});
  arena.onChange((value, message) => log.push([value === arena.value, message]));
  arena.listen('phase', () => { log.push('phase'); throw new Error('oops'); });
  arena.listen('phase', () => log.push('again'));
  hear(snapshot(3, BEGIN, 50));
  hear(delta(5, 2, { phase: 1 }));
  assert.deepEqual(log, ['phase', 'again', [true, { snapshot: true, tick: 3, time: BEGIN }],
    'phase', 'again', [true, { snapshot: false, tick: 5, time: BEGIN + 100 }]]);
  assert.match(failed.mock.calls[0].arguments[0], /"arena"/);
  assert.equal(failed.mock.callCount(), 2);
});

test('who is added within a listener hears everything once', (t) => {
  const { arena, hear, log } = start(t);
  hear(snapshot(1, BEGIN, 50));
  arena.listen('phase', () => arena.entries('players', { added: (_, key) => log.push(key) }));
  log.length = 0;
  hear(delta(2, 1, { phase: 1, players: two() }));
  assert.deepEqual(log.sort(), ['ann', 'ann', 'bob', 'bob']); // of the first call and of the second
});

test('what was lost is asked for, at most once a second', (t) => {
  const { client, arena, hear, log, errors } = start(t), pass = clock(t);
  arena.onSync((synced) => log.push(synced));
  hear(delta(9, 1));
  assert.deepEqual(client.sent.splice(0), [['arena:sync', { tick: 0 }, { volatile: true }]]);
  hear(delta(10, 1));
  hear(delta(11, 1));
  assert.deepEqual(client.sent, []);
  pass(999);
  assert.deepEqual(client.sent, []);
  pass(1);
  assert.deepEqual(client.sent.splice(0).length, 1);
  hear(snapshot(12, BEGIN, 50));
  pass(5000);
  hear(delta(14, 1)); // 13 was lost
  assert.deepEqual([client.sent.splice(0).length, arena.synced, arena.tick], [1, false, 12]);
  hear(delta(13, 1)); // the base would suit, but it is not trusted any more
  assert.equal(arena.tick, 12);
  hear(snapshot(15, BEGIN, 50, {}, { text: '' }));
  pass(5000);
  assert.deepEqual([client.sent, log, errors], [[], [true, false, true], []]);
  arena.sync();
  assert.deepEqual(client.sent, [['arena:sync', { tick: 15 }, { volatile: true }]]);
});

test('messages that make no sense, and a value that is not the server\'s, are told', (t) => {
  const { client, arena, hear, errors } = start(t), pass = clock(t);
  hear(snapshot(1, BEGIN, 50, { phase: 1 }));
  const bad = [new Uint8Array([0x42, 2, 1, 1]).buffer, 'text', undefined, { length: 1e9 }, 7, new ArrayBuffer(0)];
  for (const message of bad) {
    hear(message);
    assert.equal(arena.synced, false);
    pass(1000);
  }
  assert.deepEqual([arena.value.phase, errors.length, client.sent.length], ['play', bad.length, bad.length]);
  hear(snapshot(2, BEGIN, 50));
  hear(delta(3, 1, { phase: 1 }, { sum: [1, 2, 3, 4] }));
  assert.deepEqual([arena.synced, arena.value.phase, client.sent.length], [false, 'play', bad.length + 1]);
  assert.match(errors.at(-1), /checksum/);
});

test('after a loss of the connection the value waits for a snapshot', (t) => {
  const { client, arena, hear } = start(t);
  hear(snapshot(4, BEGIN, 50, { phase: 1 }));
  client.connected = false;
  client.raise('disconnected');
  assert.deepEqual([arena.synced, arena.value.phase, arena.tick], [false, 'play', 4]);
  client.connected = true;
  hear(delta(5, 1, {}));
  assert.equal(arena.synced, false);
  hear(snapshot(1, BEGIN, 50)); // of another server, whose ticks are fewer
  assert.deepEqual([arena.synced, arena.value.phase, arena.tick], [true, 'lobby', 1]);
});

test('the end of a state, and the next one of its name with another schema', (t) => {
  const { arena, hear, log, errors } = start(t);
  arena.entries('players', { added: (_, key) => log.push('+' + key), removed: (_, key) => log.push('-' + key) });
  arena.listen('phase', (now) => log.push(now));
  hear(snapshot(4, BEGIN, 50, { phase: 1, players: two() }));
  assert.equal(arena.send(1), 1);
  hear(end(4));
  assert.deepEqual([arena.ended, arena.synced, arena.value.phase], [true, false, 'play']);
  const old = arena.value;
  hear(snapshot(1, BEGIN, 50, {}, { text: schema.replace('"play"', '"fight"') }));
  assert.deepEqual([arena.ended, arena.synced, arena.value === old], [false, true, false]);
  assert.deepEqual(log, ['+ann', '+bob', 'play', '-ann', '-bob', 'lobby']);
  hear(delta(2, 1, { phase: 1 }));
  assert.equal(log.at(-1), 'fight');
  assert.equal(arena.send(1), 1);
  t.mock.method(console, 'error', () => {});
  hear(snapshot(1, BEGIN, 50, {}, { text: schema.replace('"players"', '"people"') }));
  assert.equal(console.error.mock.callCount(), 1); // nobody is in a map that is not there
  assert.deepEqual(errors, []);
});

test('inputs are numbered, and tell the server\'s time', (t) => {
  const { client, arena } = start(t);
  clock(t);
  client.clockOffset = 250;
  assert.equal(arena.send({ dx: 1 }), 1);
  assert.equal(arena.send(null, { volatile: true }), 2);
  client.connected = false;
  assert.equal(arena.send('lost'), 0);
  client.connected = true;
  assert.equal(arena.send(undefined), 3);
  const at = (BEGIN + 250) * 1000;
  assert.deepEqual(client.sent, [['arena:input', { seq: 1, at, data: { dx: 1 } }, undefined],
    ['arena:input', { seq: 2, at, data: null }, { volatile: true }],
    ['arena:input', { seq: 3, at, data: undefined }, undefined]]);
  client.sent.length = 0;
  for (const bytes of [new Uint8Array([7, 8]), new Uint8Array([7, 8]).buffer, new Uint8Array([6, 7, 8]).subarray(1)]) arena.send(bytes);
  assert.deepEqual(client.sent.map(([, data]) => Buffer.from(data).toString('hex')),
    ['04', '05', '06'].map((seq) => seq + uvarint(at).toString('hex') + '0708'));
});

test('the lag is how old a tick was when it came', (t) => {
  const { client, arena, hear } = start(t), pass = clock(t);
  client.clockOffset = 30;
  hear(snapshot(1, BEGIN, 50));
  assert.equal(arena.lag, 30);
  pass(80);
  hear(delta(2, 1));
  assert.equal(arena.lag, 60);
  hear(snapshot(3, BEGIN, 0));
  assert.equal(arena.lag, 0);
});

test('between two ticks the way is blended', (t) => {
  const { arena, hear } = start(t), pass = clock(t);
  const players = interpolate(arena, 'players', { x: lerp });
  const one = interpolate(arena, 'ball', { x: lerp, turn: lerpAngle });
  assert.equal(players.get('ann'), undefined);
  hear(snapshot(1, BEGIN, 100, { players: two(), ball: { x: 10, turn: 3 } }));
  assert.deepEqual([players.get('ann'), players.get('eve')], [{ x: 1 }, undefined]);
  pass(100);
  hear(delta(2, 1, { players: entries([], [[0, player({ x: 2 })]]), ball: { x: 20, turn: -3 } }));
  assert.deepEqual(players.get('ann'), { x: 1 });
  pass(25);
  assert.deepEqual(players.get('ann'), { x: 1.25 });
  const { x, turn } = one.get();
  assert.equal(x, 12.5);
  assert.ok(turn > 3 && turn < 3.1, 'by the shorter way: ' + turn);
  pass(75);
  hear(delta(3, 1, { players: entries([0], [[1, player({ x: 8 })]]) }));
  assert.deepEqual([players.get('ann'), players.get('bob')], [{ x: 2 }, { x: 0 }]);
  pass(50);
  assert.deepEqual([players.get('ann'), players.get('bob')], [{ x: 2 }, { x: 4 }]);
  pass(50);
  assert.deepEqual([players.get('ann'), players.get('bob')], [undefined, { x: 8 }]);
  pass(400); // nothing comes: it stays
  assert.deepEqual([players.get('bob'), one.get().x], [{ x: 8 }, 20]);
  hear(delta(8, 5, { ball: { x: 40 } })); // it started in the last of the five ticks
  assert.equal(one.get().x, 20);
  players.off();
  one.off();
});

test('messages that come late are waited for', (t) => {
  const { arena, hear } = start(t), pass = clock(t), shown = interpolate(arena, 'ball', { x: lerp });
  hear(snapshot(1, BEGIN, 100, { ball: { x: 0 } }));
  let last = 0;
  const late = [0, 60, 10, 70, 30];
  for (let tick = 2, now = 0; tick < 80; tick++) {
    const due = (tick - 1) * 100 + late[tick % late.length];
    for (; now < due; now += 10) {
      pass(10);
      const { x } = shown.get();
      assert.ok(x >= last, `from ${last} back to ${x}`);
      if (tick > 20) assert.ok(x - last < 1.2, `from ${last} to ${x}`); // in 10 ms the ball goes by 1
      if (tick > 20) assert.ok(x > last, `it stands still at ${x}`);
      last = x;
    }
    hear(delta(tick, 1, { ball: { x: (tick - 1) * 10 } }));
  }
  assert.ok(shown.delay() > 30 && shown.delay() < 180, String(shown.delay()));
});

test('a slow connection still moves evenly, and a state without a clock has no ways', (t) => {
  const { arena, hear } = start(t), pass = clock(t), shown = interpolate(arena, 'ball', { x: lerp });
  hear(snapshot(1, BEGIN, 100, { ball: { x: 0 } }));
  for (let tick = 4; tick < 40; tick += 3) {
    pass(300);
    hear(delta(tick, 3, { ball: { x: tick } }));
  }
  const seen = [];
  for (let i = 0; i < 20; i++) {
    seen.push(shown.get().x);
    pass(10);
  }
  for (let i = 1; i < seen.length; i++) assert.ok(Math.abs(seen[i] - seen[i - 1] - 0.1) < 0.02, seen.join());
  hear(snapshot(3, BEGIN, 0, { ball: { x: 5 } }));
  hear(delta(4, 1, { ball: { x: 9 } }));
  assert.equal(shown.get().x, 9);
});

test('a prediction does inputs at once, and again until the server has them', (t) => {
  const { client, arena, hear } = start(t);
  const me = predict(arena, {
    from: (value) => value.players.has('ann') ? { x: value.players.get('ann').x } : undefined,
    apply: (mine, { dx }) => { mine.x = Math.min(10, mine.x + dx); },
  });
  assert.deepEqual([me.value, me.pending], [undefined, 0]);
  hear(snapshot(1, BEGIN, 50, { players: two() }));
  assert.deepEqual(me.value, { x: 1 });
  assert.deepEqual([me.send({ dx: 2 }), me.send({ dx: 3 })], [1, 2]);
  assert.deepEqual([me.value, me.pending, arena.value.players.get('ann').x], [{ x: 6 }, 2, 1]);
  const at = (x, input) => delta(arena.tick + 1, 1, { players: entries([], [[0, player({ x })]]) }, { input });
  hear(at(3, 1));
  assert.deepEqual([me.value, me.pending], [{ x: 6 }, 1]);
  hear(at(9, undefined)); // pushed by somebody else
  assert.deepEqual([me.value, me.pending], [{ x: 10 }, 1]);
  hear(at(7.5, 2));
  assert.deepEqual([me.value, me.pending], [{ x: 7.5 }, 0]);
  client.connected = false;
  assert.deepEqual([me.send({ dx: 1 }), me.value], [0, { x: 7.5 }]);
  client.connected = true;
  for (let i = 0; i < 300; i++) me.send({ dx: 0 });
  assert.equal(me.pending, 256);
  hear(end(5));
  assert.equal(me.pending, 0);
  me.off();
  hear(snapshot(9, BEGIN, 50, {}));
  assert.deepEqual(me.value, { x: 7.5 });
  assert.deepEqual(predict(arena, { from: (v) => ({ n: v.wins.size }), apply() {} }).value, { n: 0 });
});


test('what was lost with its session is not predicted for ever', (t) => {
  const { client, arena, hear } = start(t);
  const me = predict(arena, {
    from: (value) => ({ x: value.players.get('ann').x }),
    apply: (mine, { dx }) => { mine.x += dx; },
  });
  const lose = (recovered) => {
    client.raise('disconnected');
    client.recovered = recovered;
    hear(snapshot(9, BEGIN, 50, { players: two() }));
  };
  hear(snapshot(1, BEGIN, 50, { players: two() }));
  for (let i = 0; i < 3; i++) me.send({ dx: 1 });
  lose(true); // they are sent again
  assert.deepEqual([me.value, me.pending, arena.acked], [{ x: 4 }, 3, 0]);
  lose(false);
  assert.deepEqual([me.value, me.pending, arena.acked], [{ x: 1 }, 0, 3]);
  assert.deepEqual([me.send({ dx: 1 }), me.pending], [4, 1]);
  hear(end(10));
  assert.equal(me.send({ dx: 1 }), 1);
  hear(snapshot(11, BEGIN, 50, { players: two() }));
  assert.deepEqual([me.pending, arena.acked], [1, 0]);
});
