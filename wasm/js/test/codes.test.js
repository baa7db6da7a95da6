// Every error code, provoked at real servers that codes_test.go starts; it runs in browsers too.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CODES, SmartSocketError, WebSocket, client, code, engines, next, until } from './setup.js';

const url = process.env.SMARTSOCKET_CODES_URL;
const limitedURL = process.env.SMARTSOCKET_LIMITED_URL;
const fullURL = process.env.SMARTSOCKET_CODES_FULL_URL;
const keyURL = process.env.SMARTSOCKET_API_KEY_URL;
const throttledURL = process.env.SMARTSOCKET_THROTTLED_URL;
const sealedURL = process.env.SMARTSOCKET_CODES_SEALED_URL;
const encryptionKey = process.env.SMARTSOCKET_CODES_KEY;
const control = process.env.SMARTSOCKET_CONTROL; // answers with the address of what its path names
const ask = async (path) => (await fetch(control + path)).text();
// a browser's, which does not tell why
const plainSocket = typeof document === 'object' || typeof importScripts === 'function';

const EVENT = 4, ACK = 5, ERROR = 6, GOAWAY = 9, ACKED = 0x40, DEFLATED = 0x10;

for (const engine of engines.slice(0, -1)) {
  describe('codes on engine ' + engine, { skip: !url && 'run by go test ./wasm' }, () => {
    // Tapped is a WebSocket on which the test may send what the client never would, and keep
    // messages from it.
    class Tapped extends WebSocket {
      constructor(...args) { super(...args); Tapped.last = this; }
      set onmessage(listener) { super.onmessage = listener && ((e) => { if (!this.keep || !this.keep(new Uint8Array(e.data))) listener(e); }); }
    }
    async function join(t, options, to = url) {
      const c = client(t, to, { engine, WebSocket: Tapped, ...options });
      await c.connect();
      c.socket = Tapped.last;
      return c;
    }
    const raw = (c, ...bytes) => c.socket.send(new Uint8Array(bytes));
    const nextError = async (c) => (await next(c, 'error'))[0];

    test('ERR_CONN_001 refused', async (t) => {
      await assert.rejects(client(t, await ask('/closed'), { engine }).connect(), code('ERR_CONN_001'));
    });

    test('ERR_CONN_002 timeout', async (t) => {
      await assert.rejects(client(t, await ask('/silent'), { engine, connectTimeout: 400 }).connect(), code('ERR_CONN_002'));
    });

    test('ERR_CONN_003 handshake failed', async (t) => {
      await assert.rejects(client(t, await ask('/later-version'), { engine }).connect(), code('ERR_CONN_003'));
      // A site that is no WebSocket server: a browser does not tell a page that from a server that
      // is not there.
      await assert.rejects(client(t, control.replace('http', 'ws'), { engine }).connect(), code(plainSocket ? 'ERR_CONN_001' : 'ERR_CONN_003'));
    });

    test('ERR_CONN_004 authentication failed', async (t) => {
      await assert.rejects(client(t, keyURL, { engine, apiKey: 'the-wrong-key' }).connect(), code('ERR_CONN_004'));
      await assert.rejects(client(t, keyURL, { engine }).connect(), code('ERR_CONN_004'));
      await client(t, keyURL, { engine, apiKey: 'the-right-key' }).connect();
    });

    test('ERR_CONN_005 max connections', async (t) => {
      const seat = client(t, fullURL, { engine });
      // it is free once the server saw the last close
      while (!seat.connected) await seat.connect().catch((e) => assert.equal(e.code, 'ERR_CONN_005'));
      await assert.rejects(client(t, fullURL, { engine }).connect(), code('ERR_CONN_005'));
    });

    test('ERR_CONN_006 connection lost', async (t) => {
      const c = await join(t);
      await assert.rejects(c.emitWithAck('drop me'), code('ERR_CONN_006'));
    });

    test('ERR_CONN_007 throttled after ten wrong keys', async (t) => {
      // Package ws says no Origin, and is told by HTTP 429. A page is told in the protocol.
      class Page extends WebSocket { constructor(to, protocols) { super(to, protocols, { origin: to.replace('ws', 'http').replace(/\/$/, '') }); } }
      // Firefox lets this page see the close code alone, 1013: there the error is ERR_CONN_005.
      const told = !plainSocket ? [WebSocket, Page] : /Firefox/.test(navigator.userAgent) ? [] : [class extends WebSocket {}];
      for (const Socket of told) {
        let error, tries = 0;
        do error = await client(t, throttledURL, { engine, apiKey: 'the-wrong-key', WebSocket: Socket }).connect().catch((e) => e); while (error.code === 'ERR_CONN_004' && ++tries < 20);
        assert.ok(tries <= 11, tries + ' tries');
        assert.equal(error.code, CODES.THROTTLED, error.message);
        assert.match(error.message, /throttled.*failureLimit/);
        assert.ok(error.retryAfter > 0 && error.retryAfter <= 110000, error.retryAfter);
      }
    });

    test('ERR_MSG_001 invalid format', async (t) => {
      const c = await join(t);
      await assert.rejects(c.emitWithAck('typed', 'not a number'), code('ERR_MSG_001'));
      const told = nextError(c);
      raw(c, 0x0c);
      assert.equal((await told).code, 'ERR_MSG_001');
      assert.throws(() => c.emit('bell \u0007'), code('ERR_MSG_001'));
    });

    test('ERR_MSG_002 decompression failed', async (t) => {
      const c = await join(t), told = nextError(c);
      raw(c, EVENT | DEFLATED, 1, 120, 7, 7, 7);
      assert.equal((await told).code, 'ERR_MSG_002');
    });

    test('ERR_MSG_003 decryption failed', async (t) => {
      const c = await join(t, { encryptionKey }, sealedURL);
      const told = nextError(c), gone = next(c, 'disconnected');
      raw(c, ...new Uint8Array(60));
      assert.deepEqual([(await told).code, (await gone)[1].code], ['ERR_MSG_003', 3502]);
    });

    test('ERR_MSG_004 too large', async (t) => {
      const c = await join(t);
      await assert.rejects(c.emitWithAck('typed', 'x'.repeat(2 << 20)), code('ERR_MSG_004'));
      assert.equal(c.connected, true);
      const gone = next(c, 'disconnected');
      // the server takes 64 KiB
      raw(c, EVENT, 1, 120, ...new TextEncoder().encode('"' + 'x'.repeat(70000) + '"'));
      assert.equal((await gone)[1].code, 1009);
    });

    test('ERR_MSG_005 invalid namespace', async (t) => {
      await assert.rejects(client(t, url, { engine, namespace: '/nowhere' }).connect(), (e) => code('ERR_MSG_005')(e) && /\//.test(e.message));
    });

    test('ERR_RATE_001 rate limit', async (t) => {
      const c = client(t, limitedURL, { engine }), told = next(c, '__rate-limited__');
      await c.connect();
      for (let i = 0; i < 5; i++) assert.equal(await c.emitWithAck('typed', i), i);
      await assert.rejects(c.emitWithAck('typed', 5), (e) => code('ERR_RATE_001')(e) && e.retryAfter > 0);
      const [info] = await told;
      assert.deepEqual([info.code, info.retryAfter > 0, typeof info.message], ['ERR_RATE_001', true, 'string']);
    });

    test('ERR_RATE_002 rate limit of one event', async (t) => {
      const c = client(t, limitedURL, { engine });
      await c.connect();
      await c.emitWithAck('rare');
      await assert.rejects(c.emitWithAck('rare'), (e) => code('ERR_RATE_002')(e) && e.event === 'rare');
      assert.equal(await c.emitWithAck('typed', 1), 1, 'others pass');
    });

    test('ERR_ACK_001 no answer in time', async (t) => {
      const c = await join(t);
      await assert.rejects(c.emitWithAck('silent', 1, { timeout: 20 }), code('ERR_ACK_001'));
      c.on('question', () => {});
      assert.equal(await c.emitWithAck('ask'), 'ERR_ACK_001', 'the server waits no longer either');
    });

    test('ERR_ACK_002 unreadable answer', async (t) => {
      const c = await join(t);
      // The wire's own bytes: the server asks, and gets an error that is no object.
      c.socket.keep = (m) => {
        const asked = m[0] === (EVENT | ACKED);
        if (asked) raw(c, ERROR | ACKED, m[1], 0x22, 0x78, 0x22);
        return asked;
      };
      assert.equal(await c.emitWithAck('ask'), 'ERR_ACK_002');
      const without = await join(t, { enableAcknowledgments: false });
      await assert.rejects(without.emitWithAck('silent'), code('ERR_ACK_002'));
    });

    test('ERR_ACK_003 answer to nothing', async (t) => {
      const c = await join(t), told = nextError(c);
      raw(c, ACK | ACKED, 99, 0x31);
      assert.equal((await told).code, 'ERR_ACK_003');
      await assert.rejects(c.emitWithAck('late', 1, { timeout: 20 }), code('ERR_ACK_001'));
      c.emit('now'); // the answer comes after its time
      await until(() => c.getStats().unknownAcks === 1);
    });

    test('ERR_APP_001 stopped by middleware, 002 handler failed, 003 no handler', async (t) => {
      const c = await join(t);
      await assert.rejects(c.emitWithAck('refused'), code('ERR_APP_001'));
      await assert.rejects(c.emitWithAck('panic'), code('ERR_APP_002'));
      await assert.rejects(c.emitWithAck('nobody'), code('ERR_APP_003'));
      assert.equal(c.connected, true);
    });

    test('codes of the application pass in both directions', async (t) => {
      const c = await join(t);
      await assert.rejects(c.emitWithAck('poor'), (e) => code('TEST_NO_GOLD')(e) && e.message === 'not enough gold' && e.event === 'poor');
      let error = new SmartSocketError('SHOP_CLOSED', 'come back tomorrow');
      c.on('question', (_, ack) => ack(undefined, error));
      assert.equal(await c.emitWithAck('ask'), 'SHOP_CLOSED');
      for (error of [Object.assign(new Error('no file'), { code: 'ENOENT' }), new SmartSocketError('', 'none'), 'text']) {
        assert.equal(await c.emitWithAck('ask'), 'ERR_APP_002');
      }
    });

    test('ERR_SRV_001 shutting down', async (t) => {
      const address = await ask('/draining'), c = await join(t, {}, address), holder = await join(t, {}, address);
      holder.emitWithAck('hold').catch(() => {}); // the server waits for it
      await c.emitWithAck('is held');
      c.socket.keep = (m) => m[0] === GOAWAY; // it stays, though the server asks it to leave
      await ask('/drain?' + address);
      let error;
      do error = await c.emitWithAck('nobody').catch((e) => e); while (error.code === 'ERR_APP_003');
      assert.equal(error.code, 'ERR_SRV_001');
      await ask('/release?' + address);
    });
  });
}
