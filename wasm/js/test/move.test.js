// A server that is about to stop: the next connection is opened before the old one is left.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WebSocket, client, createLogger, next, source, until } from './setup.js';
import { EVENT, GOAWAY, ackOf, event, record, serve } from './fake-server.js';

const MOVE = [4, 1];
const move = (...fields) => record(GOAWAY, [...fields, MOVE]);

// lives collects what the application hears of its connections.
function lives(c) {
  const heard = [];
  for (const name of ['connected', 'disconnected', 'reconnected']) {
    c.on(name, (info) => heard.push(name === 'reconnected' ? `reconnected ${info}` : name));
  }
  return heard;
}

test('opens the next connection before it leaves the old one', async (t) => {
  const target = await serve(t, { message: (peer, m) => { if (m.event === 'where') peer.send(ackOf(m.ack, '"new"')); } });
  const questions = [];
  const server = await serve(t, { message: (peer, m) => { if (m.event === 'slow') questions.push(m.ack); } });
  const c = client(t, server.url, { urls: [target.url] });
  const heard = lives(c), said = [];
  c.on('said', (text) => said.push(text));
  await c.connect();
  assert.equal(server.connects[0].get(14)[0] & 2, 2, 'CONNECT says that it can move');
  const slow = c.emitWithAck('slow');
  await until(() => questions.length === 1);
  const [old] = server.peers;
  server.behaviour.refuse = (peer) => peer.socket.close(1013); // it drains
  old.send(move([1, 10000]));
  await next(c, 'reconnected');
  assert.deepEqual(heard, ['connected', 'connected', 'reconnected false']);
  assert.equal(c.connected, true);
  assert.equal(await c.emitWithAck('where'), 'new');
  old.send(event('said', '"old"'));
  target.peers[0].send(event('said', '"new"'));
  await until(() => said.length === 2);
  assert.equal(old.socket.readyState, 1, 'it waits for the answer');
  old.send(ackOf(questions[0], '"late"'));
  assert.equal(await slow, 'late');
  await until(() => old.socket.readyState === 3);
  assert.equal(c.getStats().moves, 1);
  assert.equal(c.getStats().reconnects, 0);
  assert.equal(heard.length, 3, 'nobody hears of a loss');
});

test('answers a question of the old server there', async (t) => {
  const target = await serve(t);
  const server = await serve(t);
  const c = client(t, server.url, { urls: [target.url] });
  let answer;
  c.on('ask', (_data, ack) => { answer = ack; });
  const hold = c.emitWithAck.bind(c, 'hold');
  await c.connect();
  hold().catch(() => {});
  const [old] = server.peers;
  old.send(event('ask', '', { ack: 7, seq: 1 }));
  await until(() => answer);
  server.behaviour.refuse = (peer) => peer.socket.close(1013);
  old.send(move([1, 10000]));
  await next(c, 'reconnected');
  answer('here');
  await until(() => old.messages.some((m) => Number(m.ack) === 7 && m.kind !== EVENT && m.text === '"here"'));
  assert.equal(target.peers[0].messages.filter((m) => Number(m.ack) === 7).length, 0);
});

test('stays where it is if there is no other connection, and reconnects when that ends', async (t) => {
  const server = await serve(t, { message: (peer, m) => peer.send(ackOf(m.ack, '1')) });
  const c = client(t, server.url, { reconnectDelay: 5 });
  const heard = lives(c);
  await c.connect();
  server.behaviour.refuse = (peer) => peer.socket.close(1013);
  server.peers[0].send(move([1, 10000]));
  await until(() => server.peers.length > 3);
  assert.equal(await c.emitWithAck('still'), 1);
  assert.deepEqual(heard, ['connected']);
  server.behaviour.refuse = undefined;
  const again = next(c, 'disconnected');
  server.peers[0].socket.close(1001);
  await again;
  await next(c, 'reconnected');
});

test('goes on with a session that has moved too', async (t) => {
  const server = await serve(t, { recover: true, received: 0 });
  const c = client(t, server.url);
  const heard = lives(c), said = [];
  c.on('said', (text) => said.push(text));
  await c.connect();
  const [old] = server.peers;
  old.send(event('said', '1', { seq: 1 }));
  await until(() => said.length === 1);
  old.send(move());
  await next(c, 'reconnected');
  old.send(event('said', '"late"', { seq: 2 })); // which comes again on the new one
  server.peers[1].send(event('said', '2', { seq: 2 }));
  server.peers[1].send(event('said', '3', { seq: 3 }));
  await until(() => said.length === 3);
  assert.deepEqual(said, [1, 2, 3]);
  assert.deepEqual(heard, ['connected', 'connected', 'reconnected true']);
  await until(() => old.socket.readyState === 3);
});

test('a server that sends everybody away does not make it hurry', async (t) => {
  let most = 0;
  const server = await serve(t, {
    connection: (peer) => {
      most = Math.max(most, server.wss.clients.size);
      for (let i = 0; i < 100; i++) peer.send(move([1, 2 ** 40]));
    },
  });
  const c = client(t, server.url, { reconnectDelay: 1e6 });
  await c.connect();
  await until(() => server.peers.length === 2);
  await new Promise((resolve) => { setTimeout(resolve, 50); });
  assert.equal(server.peers.length, 2);
  assert.ok(most <= 3);
});

test('disconnect() ends both connections', async (t) => {
  const server = await serve(t);
  const c = client(t, server.url);
  await c.connect();
  const waits = c.emitWithAck('never');
  waits.catch(() => {});
  server.peers[0].send(move([1, 10000]));
  await next(c, 'reconnected');
  c.disconnect();
  await assert.rejects(waits);
  await until(() => server.wss.clients.size === 0);
});

test('the end of the old connection may come before the new one is accepted', async (t) => {
  const server = await serve(t, { recover: true, received: 0 });
  const c = client(t, server.url), heard = lives(c);
  await c.connect();
  const [old] = server.peers;
  server.behaviour.refuse = (peer) => {
    server.behaviour.refuse = undefined;
    old.socket.on('close', () => { c.emit('meanwhile'); peer.accept(); });
    old.socket.close(3503, 'the session continues on a newer connection');
  };
  old.send(move([1, 10000]));
  await next(c, 'reconnected');
  assert.deepEqual(heard, ['connected', 'connected', 'reconnected true']);
  await until(() => server.peers[1].messages.length === 1);
  assert.equal(server.peers[1].messages[0].event, 'meanwhile');
});

test('reconnects when the old connection has ended and the new one is not accepted', async (t) => {
  const server = await serve(t, { recover: true, received: 0 });
  const c = client(t, server.url), heard = lives(c);
  await c.connect();
  const [old] = server.peers;
  server.behaviour.refuse = (peer) => {
    server.behaviour.refuse = undefined;
    old.socket.on('close', () => peer.socket.terminate());
    old.socket.close(3503);
  };
  old.send(move([1, 10000]));
  await next(c, 'reconnected');
  assert.deepEqual(heard, ['connected', 'disconnected', 'connected', 'reconnected true']);
});

test('a second GOAWAY on a connection that is left moves nothing', async (t) => {
  const server = await serve(t, { recover: true, received: 0 });
  const c = client(t, server.url);
  await c.connect();
  c.emitWithAck('never').catch(() => {}); // keeps the old connection
  server.behaviour.connection = (peer) => {
    if (peer.number > 1) return;
    server.peers[0].send(move([1, 10000]));
    server.peers[0].send(event('last', '', { ack: 1 }));
  };
  c.on('last', (_data, ack) => ack());
  server.peers[0].send(move([1, 10000]));
  await next(c, 'reconnected');
  await next(c, 'last');
  await new Promise((resolve) => { setTimeout(resolve, 50); });
  assert.equal(server.peers.length, 2);
});

test('what it needs is loaded when a connection has lasted; without that the client reconnects', async (t) => {
  const { SmartSocketClient } = await source('js.js'), { loaders, parts } = await source('parts.js');
  const { move: load } = loaders, server = await serve(t), lines = [];
  let tries = 0;
  loaders.move = () => { tries++; return Promise.reject(new Error('it is gone')); };
  t.after(() => { loaders.move = load; });
  const logger = createLogger((level, text) => { if (level === 'warn') lines.push(text); });
  const c = new SmartSocketClient(server.url, { WebSocket, logger, reconnectDelay: 5 });
  t.after(() => c.disconnect());
  const heard = lives(c);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  await c.connect();
  t.mock.timers.tick(9999);
  assert.deepEqual([tries, parts.move], [0, undefined]);
  t.mock.timers.tick(1);
  t.mock.timers.reset();
  assert.equal(tries, 1);
  server.peers[0].send(move([1, 10000], [2, 5]));
  await next(c, 'reconnected');
  assert.deepEqual([heard, c.getStats().moves, tries], [['connected', 'disconnected', 'connected', 'reconnected false'], 0, 2]);
  assert.match(lines[0], /move\.js.*it is gone/);
  loaders.move = load;
  server.peers[1].send(move([1, 10000], [2, 5]));
  await next(c, 'reconnected');
  assert.equal(c.getStats().moves, 1, 'it loads in time, or when it is asked for');
});
