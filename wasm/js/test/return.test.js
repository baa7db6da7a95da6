// What happens between "the connection is back" and "the application is ready": the order, the
// credentials, the errors, the addresses.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { describe, test } from 'node:test';
import { SmartSocketClient, SmartSocketError, WebSocket, client, code, next, until } from './setup.js';
import { GOAWAY, ackOf, error, event, record, serve, startServer } from './fake-server.js';

const ASKS_AUTH = 6; // HELLO's bits: resume, and new sockets authenticate by the event auth
const events = (peer) => peer.messages.map((m) => m.event);
const answer = (peer, m) => { if (m.ack !== undefined) peer.send(ackOf(m.ack)); };

// cut connects a client, cuts its connection and resolves once the loss was told.
async function cut(server, c) {
  await c.connect();
  const lost = next(c, 'disconnected');
  server.peers.at(-1).socket.terminate();
  await lost;
}

describe('the order is connected, authentication, queue', () => {
  test('what was queued waits for the connected listeners, also for those that are asynchronous', async (t) => {
    const server = await serve(t, { message: answer });
    const c = client(t, server.url);
    await cut(server, c);
    let finish, running = new Promise((resolve) => { finish = resolve; });
    c.on('connected', async () => { c.emit('from the listener'); await running; });
    c.on('connected', () => { throw new Error('on purpose'); });
    t.mock.method(console, 'error', () => {});
    c.emit('one');
    c.emit('two');
    await next(c, 'reconnected');
    await c.emitWithAck('live');
    assert.deepEqual(events(server.peers[1]), ['from the listener', 'live']);
    finish();
    await until(() => server.peers[1].messages.length === 4);
    assert.deepEqual(events(server.peers[1]), ['from the listener', 'live', 'one', 'two']);
    assert.equal(c.getStats().queued, 0);
  });

  test('what was queued waits until auth was answered well; what is emitted later does not', async (t) => {
    let refuse = true;
    const server = await serve(t, { bits: ASKS_AUTH, message: (peer, m) => {
      if (m.event === 'auth' && refuse) peer.send(error('ERR_CONN_004', 'wrong', m.ack));
      else answer(peer, m);
    } });
    const c = client(t, server.url);
    await cut(server, c);
    c.emit('one');
    c.emit('two');
    await next(c, 'reconnected');
    await c.emitWithAck('live');
    await assert.rejects(c.emitWithAck('auth', 'wrong'), code('ERR_CONN_004'));
    refuse = false;
    assert.equal(c.getStats().queued, 2);
    await c.emitWithAck('auth', 'right');
    await until(() => server.peers[1].messages.length === 5);
    assert.deepEqual(events(server.peers[1]), ['live', 'auth', 'auth', 'one', 'two']);
  });

  test('an auth that asks for no answer lets pass what follows; a queued one goes first', async (t) => {
    for (const away of [false, true]) {
      const server = await serve(t, { bits: ASKS_AUTH });
      const c = client(t, server.url);
      await cut(server, c);
      c.emit('one');
      if (away) c.emit('auth', 'token');
      else c.on('connected', () => c.emit('auth', 'token'));
      await until(() => server.peers[1]?.messages.length === 2);
      assert.deepEqual(events(server.peers[1]), ['auth', 'one']);
    }
  });

  test('a recovered session is authenticated already', async (t) => {
    const server = await serve(t, { bits: ASKS_AUTH, recover: true, message: answer });
    const c = client(t, server.url, { auth: 'token' });
    await c.connect();
    await until(() => c.getStats().pendingAcks === 0);
    await cut(server, c);
    c.on('connected', () => c.emit('from the listener'));
    c.emit('one');
    await until(() => server.peers[1]?.messages.length === 2);
    assert.deepEqual(events(server.peers[1]), ['one', 'from the listener']);
  });

  test('a refusal before authentication is raised at once and ends no session', async (t) => {
    const server = await serve(t, { bits: ASKS_AUTH, message: (peer, m) => {
      if (m.event === 'move') peer.send(error('ERR_CONN_004', 'authenticate first'));
      answer(peer, m);
    } });
    const c = client(t, server.url);
    await c.connect();
    const told = next(c, 'error');
    c.emit('move', 1);
    assert.equal((await told)[0].code, 'ERR_CONN_004');
    await c.emitWithAck('auth', 't');
    const again = next(c, 'reconnected');
    server.peers[0].socket.terminate();
    await again;
  });
});

describe('credentials', () => {
  test('apiKey may be a function, which is called for every attempt', async (t) => {
    const server = await serve(t);
    let calls = 0;
    const broken = new Error('the key store is down'), raised = [];
    const c = client(t, server.url, { apiKey: async () => {
      if (++calls % 2 === 1) throw broken;
      return 'key ' + calls;
    } });
    c.on('error', (e) => raised.push([e.code, e.cause]));
    await assert.rejects(c.connect(), (e) => e.code === 'ERR_CONN_001' && e.cause === broken);
    assert.equal(server.peers.length, 0, 'nothing was sent');
    await c.connect();
    server.peers[0].socket.close(3002, 'expired');
    await next(c, 'reconnected');
    assert.deepEqual(server.connects.map((f) => f.get(11).toString()), ['key 2', 'key 4']);
    assert.deepEqual(raised, [['ERR_CONN_001', broken], ['ERR_CONN_001', broken]]);
  });

  test('ERR_CONN_004 of the function, or no string, ends the attempts', async (t) => {
    const server = await serve(t);
    const gone = new SmartSocketError('ERR_CONN_004', 'logged out');
    const c = client(t, server.url, { apiKey: () => { throw gone; }, retryConnect: true });
    c.on('reconnecting', () => assert.fail('it tries again'));
    await assert.rejects(c.connect(), (e) => e === gone);
    await assert.rejects(client(t, server.url, { apiKey: () => 7 }).connect(), /apiKey/);
  });

  test('a function that never returns costs one attempt', async (t) => {
    const server = await serve(t);
    const c = client(t, server.url, { apiKey: () => new Promise(() => {}), connectTimeout: 20 });
    await assert.rejects(c.connect(), code('ERR_CONN_002'));
  });

  test('auth is sent in every new session, before the queue, a function called each time', async (t) => {
    const server = await serve(t, { bits: ASKS_AUTH, message: answer });
    let calls = 0;
    const c = client(t, server.url, { auth: async () => ({ token: ++calls }) });
    c.emit('first');
    await c.connect();
    await until(() => server.peers[0].messages.length === 2);
    const lost = next(c, 'disconnected');
    server.peers[0].socket.close(3002, 'expired');
    await lost;
    c.emit('one');
    await until(() => server.peers[1]?.messages.length === 2);
    const sent = server.peers.map((p) => p.messages.map((m) => [m.event, m.text]));
    assert.deepEqual(sent, [[['auth', '{"token":1}'], ['first', '']], [['auth', '{"token":2}'], ['one', '']]]);
  });

  test('the refusal of auth is raised, and the queue waits', async (t) => {
    const server = await serve(t, { bits: ASKS_AUTH, message: (peer, m) => peer.send(error('ERR_CONN_004', 'who?', m.ack)) });
    const c = client(t, server.url, { auth: 'wrong' });
    const told = next(c, 'error');
    c.emit('one');
    await c.connect();
    assert.deepEqual([(await told)[0].code, c.connected, c.getStats().queued], ['ERR_CONN_004', true, 1]);
  });

  for (const option of ['auth', 'apiKey']) {
    test(`a live connection gets fresh credentials when the server asks for them: ${option}`, async (t) => {
      let calls = 0;
      const server = await serve(t, { message: (peer, m) => { if (m.event === 'auth') peer.send(ackOf(m.ack)); } });
      const raised = [];
      const c = client(t, server.url, { [option]: () => {
        if (++calls === 3) throw new Error('not now');
        return 'token ' + calls;
      } });
      c.on('error', (e) => raised.push(e.message));
      await c.connect();
      const soon = () => server.peers[0].send(error('ERR_CONN_004', 'soon', undefined, { event: 'auth' }));
      const auths = () => server.peers[0].messages.filter((m) => m.event === 'auth').map((m) => m.text);
      soon();
      await until(() => auths().at(-1) === '"token 2"' && c.getStats().pendingAcks === 0);
      soon(); // the third call fails, and is made again after the delay of a reconnection
      await until(() => auths().at(-1) === '"token 4"');
      assert.equal(raised.length, 1);
      assert.match(raised[0], /auth|apiKey/);
    });
  }

  test('without a function to ask, the application is told', async (t) => {
    const server = await serve(t, { connection: (peer) => peer.send(error('ERR_CONN_004', 'soon', undefined, { event: 'auth' })) });
    const c = client(t, server.url, { apiKey: 'constant' });
    const told = next(c, 'error');
    await c.connect();
    assert.deepEqual([(await told)[0].code, (await told)[0].event], ['ERR_CONN_004', 'auth']);
  });
});

describe('events that come before the application can listen', () => {
  const welcome = (peer) => {
    if (peer.number > 0) return;
    peer.send(event('first', '1'));
    peer.send(event('welcome', '"hi"'));
    peer.send(event('first', '2'));
    peer.send(event('asked', '3', { ack: 5 }));
  };

  test('are delivered in order once it does', async (t) => {
    const server = await serve(t, { connection: (peer) => { welcome(peer); peer.send(event('end')); } });
    const c = client(t, server.url), got = [];
    const end = next(c, 'end');
    await c.connect();
    await end; // all of them have come
    c.on('welcome', (text) => got.push(text));
    assert.deepEqual(got, [], 'not before on returned');
    c.on('first', (n) => got.push(n)).on('asked', (n, ack) => ack(n + 1));
    await until(() => server.peers[0].messages.length === 1);
    assert.deepEqual(got, [1, 'hi', 2], 'in the order in which they came');
    assert.equal(server.peers[0].messages[0].text, '4');
    server.peers[0].send(event('first', '3'));
    await until(() => got.length === 4);
    assert.equal(got[3], 3);
  });

  test('and are refused when it does not within a second', async (t) => {
    const server = await serve(t, { connection: welcome });
    const c = client(t, server.url);
    await c.connect();
    await until(() => server.peers[0].messages.length === 1);
    assert.match(server.peers[0].messages[0].text, /ERR_APP_003/);
    c.on('welcome', () => assert.fail('too late'));
    await new Promise((resolve) => setImmediate(resolve));
  });

  test('are bounded', async (t) => {
    const server = await serve(t, { connection: (peer) => {
      for (let i = 0; i < 300; i++) peer.send(event('many', String(i)));
      peer.send(event('end'));
    } });
    const c = client(t, server.url), got = [];
    const end = next(c, 'end');
    await c.connect();
    await end;
    c.on('many', (n) => got.push(n));
    await until(() => got.length > 0);
    assert.deepEqual(got, Array.from({ length: 256 }, (_, i) => i));
  });

  test('are not kept after a reconnection, when the listeners are there', async (t) => {
    const server = await serve(t, { connection: (peer) => { if (peer.number === 1) peer.send(event('asked', '', { ack: 1 })); } });
    const c = client(t, server.url);
    await cut(server, c);
    await next(c, 'connected');
    await until(() => server.peers[1].messages.length === 1);
    assert.match(server.peers[1].messages[0].text, /ERR_APP_003/);
  });
});

describe('errors', () => {
  test('each failed attempt is told, with its cause, and the last one by the final error', async (t) => {
    let status = 101;
    const http = createServer(), server = await startServer();
    const front = await new Promise((resolve) => http.listen(0, '127.0.0.1', () => resolve(http.address().port)));
    http.on('upgrade', (request, socket, head) => {
      if (status !== 101) { socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`); return; }
      server.wss.handleUpgrade(request, socket, head, (ws) => server.wss.emit('connection', ws, request));
    });
    t.after(async () => { http.close(); await server.close(); });
    const c = client(t, `ws://127.0.0.1:${front}`, { maxReconnectAttempts: 3 });
    const raised = [], announced = [];
    c.on('error', (e) => raised.push(e)).on('reconnecting', (n, delay, e) => announced.push([n, e]));
    status = 403;
    await assert.rejects(c.connect(), (e) => e === raised[0] && /403/.test(e.message));
    raised.length = 0;
    status = 101;
    await c.connect();
    status = 403;
    server.peers[0].socket.terminate();
    await until(() => raised.length === 4);
    assert.deepEqual(raised.map((e) => e.code), ['ERR_CONN_003', 'ERR_CONN_003', 'ERR_CONN_003', 'ERR_CONN_006']);
    assert.deepEqual(announced, [[1, undefined], [2, raised[0]], [3, raised[1]]]);
    assert.equal(raised[3].cause, raised[2]);
    assert.match(raised[3].message, /3 attempts.*call connect\(\)/);
  });

  for (const [status, head, wanted] of [[429, 'Retry-After: 7\r\n', ['ERR_CONN_007', 7000]], [429, '', ['ERR_CONN_007', undefined]], [503, 'Retry-After: 2\r\n', ['ERR_CONN_005', 2000]]]) {
    test(`HTTP ${status} ${head.trim()} has its own code and sentence`, async (t) => {
      const http = createServer();
      http.on('upgrade', (request, socket) => socket.end(`HTTP/1.1 ${status} No\r\n${head}Content-Length: 0\r\n\r\n`));
      t.after(() => http.close());
      const port = await new Promise((resolve) => http.listen(0, '127.0.0.1', () => resolve(http.address().port)));
      await assert.rejects(client(t, `ws://127.0.0.1:${port}`).connect(), (e) => {
        assert.deepEqual([e.code, e.retryAfter], wanted);
        assert.match(e.message, status === 429 ? /throttled/ : /no more connections/);
        assert.doesNotMatch(e.message, /undefined|NaN/);
        return true;
      });
    });
  }

  test('no secret is in an error, a line of the log or a printed client', async (t) => {
    const { createLogger } = await import('./setup.js'), { inspect } = await import('node:util');
    const lines = [];
    const logger = createLogger((level, text, detail) => lines.push(text + ' ' + inspect(detail)));
    logger.setLevel('trace');
    const server = await serve(t, { bits: ASKS_AUTH, message: answer, connection: (peer) => peer.send(event('news', '"heard"')) });
    const secrets = /hush/, address = (port) => `ws://user:hush@127.0.0.1:${port}/x?token=hush`;
    const c = client(t, address(server.port), { logger, apiKey: 'hush', auth: () => 'hush', encryptionKey: undefined });
    c.on('error', (e) => lines.push(inspect(e)));
    const news = next(c, 'news');
    await c.connect();
    await news;
    await c.emitWithAck('said', { text: 'spoken' });
    await c.emitWithAck('auth', 'hush');
    lines.push(inspect(c, { depth: 9, showHidden: true }), JSON.stringify(c.getStats()));
    const dead = await startServer();
    await dead.close();
    const d = client(t, address(dead.port), { logger, connectTimeout: 500 });
    await assert.rejects(d.connect(), (e) => lines.push(inspect(e)) > 0);
    for (const url of ['hush://user:hush@x', 'wss//user:hush@x?token=hush', 'http://user:hush@[', '//user:hush@x', 'wss://user:hush/1@x', 'wss://user:hush?1@x', 'x@hush@y', 'hush:1@x']) {
      try { new SmartSocketClient(url.replace(/^hush:\/\//, 'ftp://')); assert.fail('it was taken'); } catch (e) { lines.push(inspect(e)); }
    }
    for (const line of lines) assert.doesNotMatch(line, secrets);
    const trace = lines.join('\n');
    assert.match(trace, /said.*\{"text":"spoken"\}/, 'data is there at trace');
    assert.match(trace, /news.*"heard"/);
    assert.match(trace, new RegExp(`127\\.0\\.0\\.1:${server.port}/x`));
  });
});

describe('addresses', () => {
  test('the given address is kept beside the one of GOAWAY', async (t) => {
    const target = await startServer();
    const server = await serve(t, { connection: (peer) => { if (peer.number === 0) peer.send(record(GOAWAY, [[1, 1000], [2, 5], [3, target.url]])); } });
    const c = client(t, server.url + '/room?x=1');
    await c.connect();
    await next(c, 'reconnected');
    assert.equal(target.peers[0].request.url, '/room?x=1', 'an address without a path has that of the given one, and its query');
    const again = next(c, 'reconnected');
    await target.close();
    await again;
    assert.equal(server.peers.length, 2);
    assert.equal(server.peers[1].request.url, '/room?x=1');
  });

  test('several are tried in turn, by connect() each once', async (t) => {
    const dead = await startServer();
    await dead.close();
    const one = await startServer(), two = await serve(t);
    const c = client(t, dead.url + '/room?x=1', { urls: [one.url + '?y=2', two.url + '/own'] });
    const raised = [], announced = [];
    c.on('error', (e) => raised.push(e.code)).on('reconnecting', (n, d, e) => announced.push(n));
    await c.connect();
    assert.deepEqual([raised, announced, one.peers[0].request.url], [['ERR_CONN_001'], [], '/room?y=2']);
    const again = next(c, 'reconnected');
    await one.close();
    await again;
    assert.equal(two.peers[0].request.url, '/own');
    assert.deepEqual(announced, [1, 2, 3], 'the lost one, the given one, the other');
    await assert.rejects(client(t, dead.url, { urls: [dead.url + '/b'] }).connect(), code('ERR_CONN_001'));
    assert.throws(() => new SmartSocketClient('wss://x', { urls: ['ws://y'] }), TypeError);
    assert.throws(() => new SmartSocketClient('wss://x', { urls: 'ws://y' }), TypeError);
  });

  test('a refusal for good ends the turn', async (t) => {
    const other = await serve(t);
    const server = await serve(t, { refuse: (peer) => { peer.send(error('ERR_CONN_004', 'no')); peer.socket.close(3500); } });
    await assert.rejects(client(t, server.url, { urls: [other.url] }).connect(), code('ERR_CONN_004'));
    assert.equal(other.peers.length, 0);
  });
});

describe('the first connect', () => {
  test('is tried again with retryConnect', async (t) => {
    let server = await startServer();
    const { port } = server;
    await server.close();
    const c = client(t, server.url, { retryConnect: true, maxReconnectAttempts: -1 });
    const raised = [], announced = [];
    c.on('error', (e) => raised.push(e.code)).on('reconnecting', (n) => announced.push(n));
    c.on('reconnected', () => assert.fail('nothing was lost'));
    const connected = c.connect();
    await until(() => announced.length === 3);
    server = await startServer({}, port);
    t.after(() => server.close());
    await connected;
    assert.equal(c.connected, true);
    assert.ok(raised.length >= 3 && raised.every((code) => code === 'ERR_CONN_001'));
  });

  test('ends with the number of attempts, and with disconnect()', async (t) => {
    const server = await startServer();
    await server.close();
    const c = client(t, server.url, { retryConnect: true, maxReconnectAttempts: 2 });
    c.on('error', () => {});
    await assert.rejects(c.connect(), (e) => e.code === 'ERR_CONN_006' && e.cause.code === 'ERR_CONN_001');
    const never = client(t, server.url, { retryConnect: true, maxReconnectAttempts: 0 });
    never.on('reconnecting', () => assert.fail('it tries again'));
    await assert.rejects(never.connect(), code('ERR_CONN_001'));
    const d = client(t, server.url, { retryConnect: true, maxReconnectAttempts: -1 });
    d.on('error', () => {}).on('reconnecting', (n) => { if (n === 2) d.disconnect(); });
    await assert.rejects(d.connect(), code('ERR_CONN_006'));
  });
});

test('a silent server is noticed, whatever the wall clock says', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1e12 });
  const server = await serve(t, { heartbeat: 20, deaf: true });
  const c = client(t, server.url);
  await c.connect();
  t.mock.timers.setTime(1e12 - 3600e3); // an hour back
  const [, detail] = await next(c, 'disconnected');
  assert.equal(detail.reconnects, true);
});

test('a server that answers when asked is not left', async (t) => {
  const server = await serve(t, { heartbeat: 10 });
  const c = client(t, server.url);
  let left = 0;
  c.on('disconnected', () => left++);
  await c.connect();
  for (let i = 0; i < 6; i++) await new Promise((resolve) => server.peers[0].socket.once('message', resolve)); // PINGs
  assert.equal(left, 0);
});
