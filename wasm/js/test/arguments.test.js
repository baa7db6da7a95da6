// Options, arguments, listeners and the log.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { types } from 'node:util';
import { SmartSocketError, client, code, createLogger, next, until } from './setup.js';
import { event, serve } from './fake-server.js';

describe('arguments and listeners', () => {
  test('a SmartSocketError is an error to consoles, too', () => {
    const cause = new Error('beneath'), e = new SmartSocketError('ERR_MSG_001', 'what happened', cause);
    assert.ok(types.isNativeError(e) && e instanceof SmartSocketError && e instanceof Error);
    assert.deepEqual([e.name, e.code, e.message, e.cause, String(e)], ['SmartSocketError', 'ERR_MSG_001', 'what happened', cause, 'SmartSocketError: what happened']);
    assert.match(e.stack, /^SmartSocketError: what happened\n/);
    assert.ok(!('cause' in new SmartSocketError('ERR_MSG_001', '')));
  });

  test('options are checked, never ignored', () => {
    const make = (options, url = 'ws://127.0.0.1:1') => () => client({ after() {} }, url, options);
    assert.throws(make({ retries: 3 }), /unknown option "retries"/);
    assert.throws(make({ reconnectDelay: '1' }), /reconnectDelay/);
    assert.throws(make({ ackTimeout: NaN }), /ackTimeout/);
    assert.throws(make({ enableErrorHandling: 1 }), /enableErrorHandling/);
    assert.throws(make({ enableEncryption: true }), /needs encryptionKey/);
    const almost = 'k3mZ7x9pQ2vL8nR5tY1hJ4bF6wS0dA2eK9mX7cP3vN=';
    assert.throws(make({ encryptionKey: almost }), (e) => /44 characters/.test(e.message) && !e.message.includes(almost.slice(0, 8)));
    assert.throws(make({ enableEncryption: true, encryptionKey: 'A'.repeat(43) + '=' }), /one byte repeated/);
    assert.throws(make({ engine: 'asm' }), /engine/);
    assert.throws(make({}, 'ftp://x'), /ws:/);
    assert.throws(make({}, 'nonsense'), /not a URL/);
    make({}, 'https://example.test/chat')();
  });

  test('emit refuses what cannot travel', async (t) => {
    const c = client(t, 'ws://127.0.0.1:1');
    const ring = {};
    ring.ring = ring;
    for (const name of ['', 'x'.repeat(129), 'é'.repeat(65), 'a\n', '\ud800', 'connected', 'error', '__x']) assert.throws(() => c.emit(name), code('ERR_MSG_001'), name);
    assert.throws(() => c.emit('ring', ring), code('ERR_MSG_001'));
    assert.throws(() => c.emit('symbol', Symbol('s'), () => {}), code('ERR_MSG_001'));
    assert.throws(() => c.emit('x', 1, 'no function'), TypeError);
    await assert.rejects(c.emitWithAck('x', 1, { timeout: 0 }), TypeError);
    assert.equal(c.getStats().pendingAcks, 0);
    const quiet = client(t, 'ws://127.0.0.1:1', { enableAcknowledgments: false });
    assert.throws(() => quiet.emit('x', 1, () => {}), SmartSocketError);
  });

  test('on, once, off; one failing listener does not stop the next', async (t) => {
    const server = await serve(t, { message: (peer, m) => { peer.send(event('tick')); peer.send(event(m.event)); } });
    const c = client(t, server.url);
    const got = [];
    const second = () => got.push('on');
    t.mock.method(console, 'error', () => {});
    c.on('tick', () => { throw new Error('on purpose'); }).on('tick', second).once('tick', () => got.push('once'));
    await c.connect();
    c.emit('go');
    c.emit('go');
    await until(() => got.length === 3);
    assert.deepEqual(got, ['on', 'once', 'on']);
    assert.equal(console.error.mock.callCount(), 2);
    c.off('tick', second);
    c.off('tick');
    const end = next(c, 'end');
    c.emit('end');
    await end;
    assert.equal(got.length, 3);
    assert.equal(console.error.mock.callCount(), 2);
  });

  test('the log has the expected lines and no payloads', async (t) => {
    const lines = [];
    const log = createLogger((level, text) => lines.push(level + ' ' + text));
    log.setLevel('debug');
    const server = await serve(t);
    const c = client(t, server.url, { logger: log, apiKey: 'secret-key' });
    await c.connect();
    c.emit('move', { secret: 'payload' });
    const wanted = ['info Connecting to ' + server.url + '/', 'debug WebSocket connection opened', 'debug Sending CONNECT message', 'debug Received CONNECT_ACK', 'info Connected to server', 'debug Emitting event: move', 'debug Sent message (26 bytes)'];
    assert.deepEqual(lines, wanted);
    assert.throws(() => log.setLevel('loud'), TypeError);
  });
});
