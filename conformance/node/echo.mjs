// The ws client of npm against an echo endpoint: node echo.mjs ws://127.0.0.1:9001
// Prints a line per check and exits 1 at the first that fails.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import WebSocket from 'ws';

const url = process.argv[2];
if (!url) {
  console.error('usage: node echo.mjs ws://host:port');
  process.exit(2);
}

const hang = setTimeout(() => {
  console.error('no answer for 60 s');
  process.exit(1);
}, 60_000);

async function open(options) {
  const ws = new WebSocket(url, options);
  await once(ws, 'open');
  return ws;
}

// echo sends data and checks what comes back, type and all.
async function echo(ws, data, options) {
  const answer = once(ws, 'message');
  ws.send(data, options);
  const [got, isBinary] = await answer;
  assert.equal(isBinary, typeof data !== 'string');
  assert.ok(Buffer.from(data).equals(got), `${got.length} of ${data.length} bytes`);
}

async function close(ws, code, reason) {
  const closed = once(ws, 'close');
  ws.close(code, reason);
  const [gotCode] = await closed;
  assert.equal(gotCode, code ?? 1005);
}

function noise(n) {
  const b = Buffer.alloc(n);
  for (let i = 0, x = 1; i < n; i++) {
    x = (Math.imul(x, 1103515245) + 12345) >>> 0;
    b[i] = x >>> 16;
  }
  return b;
}

const checks = {
  async text() {
    const ws = await open({ perMessageDeflate: false });
    for (const s of ['', 'a', 'κόσμε', '😀'.repeat(100), 'x'.repeat(125), 'x'.repeat(126), 'x'.repeat(65536)]) {
      await echo(ws, s);
    }
    await close(ws, 1000, 'done');
  },
  async binary() {
    const ws = await open({ perMessageDeflate: false });
    for (const n of [0, 1, 125, 126, 65535, 65536, 1 << 20]) await echo(ws, noise(n));
    await close(ws, 1000);
  },
  async fragments() {
    const ws = await open({ perMessageDeflate: false });
    const answer = once(ws, 'message');
    const pong = once(ws, 'pong');
    ws.send('one ', { fin: false });
    ws.send('two ', { fin: false });
    ws.ping('between');
    ws.send('three', { fin: true });
    assert.equal(String((await pong)[0]), 'between');
    assert.equal(String((await answer)[0]), 'one two three');
    await close(ws, 1000);
  },
  async large() {
    const ws = await open({ perMessageDeflate: false, maxPayload: 64 << 20 });
    await echo(ws, noise(4 << 20));
    await echo(ws, 'y'.repeat(4 << 20));
    await close(ws, 1000);
  },
  async 'permessage-deflate'() {
    for (const perMessageDeflate of [
      { threshold: 0 },
      { threshold: 0, serverNoContextTakeover: true, clientNoContextTakeover: true },
      { threshold: 0, clientMaxWindowBits: 10 },
    ]) {
      const ws = await open({ perMessageDeflate });
      assert.match(ws.extensions, /^(permessage-deflate)?$/);
      for (let i = 0; i < 3; i++) {
        await echo(ws, 'to compress '.repeat(500));
        await echo(ws, noise(5000));
        await echo(ws, 'short');
        await echo(ws, '');
      }
      await echo(ws, 'z'.repeat(1 << 20));
      await echo(ws, 'plain', { compress: false });
      await close(ws, 1000);
    }
  },
  async pings() {
    const ws = await open();
    for (const p of ['', 'ping', 'p'.repeat(125)]) {
      const pong = once(ws, 'pong');
      ws.ping(p);
      assert.equal(String((await pong)[0]), p);
    }
    await close(ws, 1000);
  },
  async 'close codes'() {
    for (const code of [undefined, 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 1012, 1013, 1014, 3000, 4999]) {
      await close(await open(), code, code && 'because');
    }
  },
  async 'many messages, in order'() {
    const ws = await open();
    const n = 20_000;
    let next = 0;
    const all = new Promise((resolve, reject) => {
      ws.on('message', (data) => {
        if (String(data) !== `message ${next}`) reject(new Error(`message ${next} is ${data}`));
        if (++next === n) resolve();
      });
    });
    for (let i = 0; i < n; i++) ws.send(`message ${i}`);
    await all;
    await close(ws, 1000);
  },
  async 'many connections'() {
    const all = await Promise.all(Array.from({ length: 200 }, () => open()));
    await Promise.all(all.map((ws, i) => echo(ws, `connection ${i}`)));
    await Promise.all(all.map((ws) => close(ws, 1000)));
  },
};

for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    console.log(`ok ${name}`);
  } catch (err) {
    console.error(`FAILED ${name}:`, err);
    process.exit(1);
  }
}
clearTimeout(hang);
