// What an event may lose: volatile, state and deadline, the queue that waits for a connection and
// leaves as the server's rate limit allows, and a network slower than the program.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SmartSocketClient, client, code, createLogger, next, until } from './setup.js';
import { ackOf, serve } from './fake-server.js';

const texts = (peer) => peer.messages.map((m) => m.event + m.text);

// away connects a client, cuts its connection and resolves before it tries to come back.
async function away(t, behaviour, options) {
  const server = await serve(t, behaviour);
  const c = client(t, server.url, options);
  await c.connect();
  const lost = next(c, 'disconnected');
  server.peers[0].socket.terminate();
  await lost;
  return { c, server };
}

describe('without a connection', () => {
  test('states replace older ones in their place, volatile events are gone, the rest waits in order', async (t) => {
    const { c, server } = await away(t);
    const stats = c.getStats();
    assert.equal(c.emit('move', 1, { state: true }), true);
    c.emit('chat', 'a');
    assert.equal(c.emit('pointer', 1, { volatile: true }), false);
    c.emit('unit', 1, { state: 'red' });
    c.emit('unit', 1, { state: 'blue' });
    for (let n = 2; n <= 261; n++) c.emit('move', n, { state: true });
    c.emit('unit', 2, { state: 'red' });
    c.emit('shot', 7, { deadline: 60000 });
    c.emit('chat', 'b');
    assert.equal(c.getStats().queued, 6);
    await until(() => server.peers[1]?.messages.length === 6);
    assert.deepEqual(texts(server.peers[1]), ['move261', 'chat"a"', 'unit2', 'unit1', 'shot7', 'chat"b"']);
    assert.deepEqual([c.getStats().dropped - stats.dropped, c.getStats().replaced], [1, 261]);
  });

  test('a deadline and the age of a state are kept', async (t) => {
    const { c, server } = await away(t, {}, { reconnectDelay: 50 });
    const began = performance.now();
    let now = began;
    t.mock.method(performance, 'now', () => now);
    c.emit('late', 1, { deadline: 1000 });
    c.emit('old', 1, { state: true, deadline: 1000 });
    now = began + 900;
    c.emit('old', 2, { state: true, deadline: 1000 });
    now = began + 1200;
    c.emit('last');
    await until(() => server.peers[1]?.messages.length === 2);
    assert.deepEqual(texts(server.peers[1]), ['old2', 'last']);
    assert.equal(c.getStats().dropped, 1);
  });

  test('may be said once for all emits of an event; the emit itself knows better', async (t) => {
    const { c, server } = await away(t);
    assert.equal(c.setEmitOptions('move', { state: true }).setEmitOptions('pointer', { volatile: true }), c);
    c.setEmitOptions('normal', { volatile: true }).setEmitOptions('normal');
    c.emit('move', 1);
    c.emit('move', 2, {});
    c.emit('move', 3);
    c.emit('pointer', 1);
    c.emit('pointer', 2, { deadline: 60000 });
    c.emit('normal');
    const asked = c.emitWithAck('move', 4, { timeout: 50 }); // questions are always reliable
    asked.catch(() => {});
    await until(() => server.peers[1]?.messages.length === 5);
    assert.deepEqual(texts(server.peers[1]), ['move3', 'move2', 'pointer2', 'normal', 'move4']);
    await assert.rejects(asked, code('ERR_ACK_001'));
  });

  test('unusable options of an emit are refused', () => {
    const c = new SmartSocketClient('ws://127.0.0.1:1');
    for (const bad of [{ volatil: true }, { volatile: 1 }, { state: 7 }, { deadline: 0 }, { deadline: '1' }, 'volatile', null]) {
      assert.throws(() => c.emit('x', 1, bad), TypeError, JSON.stringify(bad));
      assert.throws(() => c.setEmitOptions('x', bad), TypeError, JSON.stringify(bad));
    }
    assert.throws(() => c.setEmitOptions('connected', { volatile: true }), code('ERR_MSG_001'));
    assert.throws(() => c.setEmitOptions('', { volatile: true }), code('ERR_MSG_001'));
    c.disconnect();
  });

  test('what is lost is told in one line', async (t) => {
    const lines = [], logger = createLogger((level, text) => { if (level === 'warn') lines.push(text); });
    const { c, server } = await away(t, {}, { logger, offlineQueueSize: 10 });
    for (let n = 0; n < 100; n++) c.emit('chat', n);
    for (let n = 0; n < 50; n++) c.emit('pointer', n, { volatile: true });
    assert.deepEqual(lines, [], 'not while it goes on');
    await until(() => server.peers[1]?.messages.length === 10);
    assert.equal(lines.length, 1);
    assert.match(lines[0], /\b90\b.*\b50\b|\b50\b.*\b90\b/);
    c.emit('chat');
    await until(() => server.peers[1].messages.length === 11);
    assert.equal(lines.length, 1);
  });

  test('an event that a recovered session would send again may be lost all the same', async (t) => {
    const server = await serve(t, { recover: true, received: 1 });
    const c = client(t, server.url);
    await c.connect();
    c.emit('arrived');
    c.emit('pointer', 1, { volatile: true });
    c.emit('move', 1, { state: true });
    c.emit('chat', 'a');
    c.emit('move', 2, { state: true });
    c.emit('unit', 1, { state: 'x' });
    await until(() => server.peers[0].messages.length === 6);
    const lost = next(c, 'disconnected');
    server.peers[0].socket.terminate();
    await lost;
    c.emit('unit', 2, { state: 'x' });
    await until(() => server.peers[1]?.messages.length === 3);
    assert.deepEqual(texts(server.peers[1]), ['chat"a"', 'move2', 'unit2']);
  });
});

describe('the rate limit of the server', () => {
  const limited = (events, window) => ({ hello: [[8, events], [9, window]], message: (peer, m) => { if (m.ack) peer.send(ackOf(m.ack)); } });

  test('is kept by what has waited, which needs no limit of its own', async (t) => {
    let time = 1000;
    t.mock.method(performance, 'now', () => time);
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const pass = (ms) => { time += ms; t.mock.timers.tick(ms); };
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    const { c, server } = await away(t, limited(20, 60000));
    const arrived = async (n) => { while ((server.peers[1]?.messages.length ?? 0) < n) await turn(); };
    for (let n = 0; n < 40; n++) c.emit('chat', n);
    pass(10); // the delay of the reconnection
    await arrived(18); // nine tenths
    assert.equal(c.getStats().queued, 22);
    c.emit('chat', 40); // waits behind the others
    for (let i = 0; i < 20; i++) await turn();
    assert.equal(server.peers[1].messages.length, 18);
    pass(66000);
    await arrived(36);
    pass(66000);
    await arrived(41);
    assert.deepEqual(server.peers[1].messages.map((m) => Number(m.text)), Array.from({ length: 41 }, (_, n) => n));
    c.emit('chat', 'live');
    await arrived(42);
    c.disconnect(); // so that package ws waits for the closing with a timer that is mocked, too
  });

  test('counts what was sent just before, in the same session', async (t) => {
    const server = await serve(t, { ...limited(10, 60000), recover: true, received: 6 });
    const c = client(t, server.url);
    await c.connect();
    for (let n = 0; n < 6; n++) c.emit('live', n);
    await until(() => server.peers[0].messages.length === 6);
    const lost = next(c, 'disconnected');
    server.peers[0].socket.terminate();
    await lost;
    for (let n = 0; n < 6; n++) c.emit('chat', n);
    await until(() => server.peers[1]?.messages.length === 3);
    assert.equal(c.getStats().queued, 3);
  });
});

describe('a network that is slower than the program', () => {
  test('emit says so, volatile events are dropped, states replaced, and drain tells when there is room', async (t) => {
    const server = await serve(t, { maxMessageBytes: 1 << 24 });
    const c = client(t, server.url, { highWaterMark: 100000, compression: false });
    await c.connect();
    const peer = server.peers[0];
    peer.socket.pause();
    let drained = 0, sent = 0;
    c.on('drain', () => drained++);
    const block = new Uint8Array(1 << 16);
    while (c.emit('bulk', block)) if (++sent > 2000) assert.fail('emit never says false');
    sent++;
    await new Promise((resolve) => setImmediate(resolve));
    while (c.emit('bulk', block)) sent++; // until the kernel takes no more, either
    sent++;
    const { bufferedAmount, dropped } = c.getStats();
    assert.ok(bufferedAmount > 100000, bufferedAmount);
    assert.equal(c.emit('pointer', 1, { volatile: true }), false);
    for (let n = 1; n <= 9; n++) assert.equal(c.emit('move', n, { state: true }), false);
    assert.equal(c.emit('chat', 'reliable'), false, 'it is sent all the same');
    assert.deepEqual([c.getStats().dropped - dropped, c.getStats().queued, c.getStats().replaced], [1, 1, 8]);
    assert.equal(drained, 0);
    peer.socket.resume();
    await next(c, 'drain');
    await until(() => peer.messages.length === sent + 2);
    assert.deepEqual(peer.messages.slice(-2).map((m) => m.event + m.text), ['chat"reliable"', 'move9']);
    assert.equal(c.emit('chat', 'after'), true);
    await until(() => c.getStats().bufferedAmount === 0);
    assert.equal(drained, 1);
  });
});

for (const [when, wanted] of [['reconnected', ['move261', 'move"fresh"']], ['connected', ['move"fresh"']]]) {
  test(`261 parked moves at 60 Hz: the latest state first, then fresh ones at once, from ${when}`, async (t) => {
    const { c, server } = await away(t, { hello: [[8, 100], [9, 60000]] });
    c.setEmitOptions('move', { state: true });
    for (let n = 1; n <= 261; n++) c.emit('move', n);
    c.on(when, () => { c.emit('move', 'fresh'); c.emit('end'); });
    // The server sends HELLO and CONNECT_ACK alone, so this comes within one round trip of it.
    await until(() => server.peers[1]?.messages.some((m) => m.event === 'end'));
    assert.deepEqual(texts(server.peers[1]), [...wanted, 'end']);
    assert.deepEqual([c.getStats().queued, c.getStats().dropped], [0, 0]);
  });
}
