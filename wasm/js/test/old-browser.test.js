// What the plain script asks of a browser: nothing that Chrome 43, Firefox 48, Safari 10.1 or Edge
// 14 lacks, but behind a question.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { dist } from './setup.js';
import { KNOWN, loadOldClient, oldWorld } from './old-browser.js';

const path = join(dist, 'SmartSocketClient.js');

test('the old world is old', () => {
  const { gone } = oldWorld(WebSocket);
  for (const name of ['Promise.finally', 'Promise.allSettled', 'Array.includes', 'Array.from', 'Array.find', 'Object.entries', 'Object.assign', 'String.padStart', 'String.replaceAll', 'TypedArray.from', 'TypedArray.slice', 'globalThis', 'BigInt', 'WebAssembly', 'Reflect', 'Symbol.asyncIterator', 'RegExp.flags']) {
    assert.ok(gone.includes(name), name);
  }
});

test('the script loads there, and says so when it cannot have wasm', async () => {
  const Client = loadOldClient(path, WebSocket);
  const c = new Client('ws://127.0.0.1:1/', { engine: 'wasm' });
  await assert.rejects(c.connect(), (e) => e.code === 'ERR_CONN_003' && /WebAssembly/.test(e.message));
});

test('its class works without new, and as the base of a class made by hand', () => {
  const Client = loadOldClient(path, WebSocket), c = Client('ws://127.0.0.1:1/');
  assert.ok(c instanceof Client && c.constructor === Client);
  assert.equal(c.emit('kept', 1), true);
  assert.equal(c.getStats().queued, 1);
  function Mine() { Client.call(this, 'ws://127.0.0.1:1/', { offlineQueueSize: 1 }); }
  Mine.prototype = Object.create(Client.prototype);
  Mine.prototype.emit = function (event, data) { return Client.prototype.emit.call(this, 'my ' + event, data); };
  const mine = new Mine();
  assert.ok(mine instanceof Mine && mine instanceof Client);
  assert.ok(mine.emit('kept') && mine.getStats().queued === 1);
});

// GUARDED are newer names that the script asks for before it uses them, or that are its own: each
// with the reason.
const GUARDED = {
  globalThis: 'typeof', WebAssembly: 'typeof', AbortController: 'typeof', instantiateStreaming: 'typeof', instantiate: 'with WebAssembly', fetch: 'with WebAssembly', headers: 'with fetch', arrayBuffer: 'with fetch',
  TextEncoder: 'typeof', TextDecoder: 'typeof', encodeInto: 'asked for', encode: 'with TextEncoder, or ours', decode: 'with TextDecoder, or ours',
  take: 'Reader.prototype.take, Parked.prototype.take', importObject: 'ours', emit: 'ours', cause: 'ours', flags: 'a field of messages', input: 'ours', reason: 'AbortSignal or CloseEvent', aborted: 'AbortSignal', at: 'ours', remove: 'Listeners.prototype.remove', link: 'ours', console: 'typeof', performance: 'typeof'
};

test('no newer name is used without a question', () => {
  const { gone } = oldWorld(WebSocket);
  const modern = new Set(gone.map((name) => name.slice(name.lastIndexOf('.') + 1)));
  for (const name of ['TextEncoder', 'TextDecoder', 'AbortController', 'AbortSignal', 'CompressionStream', 'DecompressionStream', 'structuredClone', 'queueMicrotask', 'from', 'fetch', 'subtle', 'randomUUID', 'performance', 'BroadcastChannel', 'requestIdleCallback', 'replaceChildren', 'append', 'prepend', 'remove']) modern.add(name);
  // what typed arrays lack, only running tells
  for (const name of Object.keys(KNOWN).concat(...Object.values(KNOWN))) if (name !== 'from') modern.delete(name);
  const code = readFileSync(path, 'utf8').replace(/\/\*[\s\S]*?\*\//g, '').replace(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g, '""');
  const used = new Set();
  for (const [, name] of code.matchAll(/\.([A-Za-z_$][\w$]*)/g)) used.add(name);
  for (const [, name] of code.matchAll(/(?<![\w$.])([A-Za-z_$][\w$]{3,})(?![\w$]*:)/g)) used.add(name);
  const found = [...used].filter((name) => modern.has(name) && !Object.hasOwn(GUARDED, name));
  assert.deepEqual(found, [], 'give browsers without these another way, or say here why they are not asked');
});
