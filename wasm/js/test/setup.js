// What all test files share: the built client, its engines, the WebSocket of package ws, and
// waiting for events.

import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { WebSocket } from 'ws';

const here = dirname(fileURLToPath(import.meta.url));
export const dist = process.env.SMARTSOCKET_DIST ?? join(here, '../../../dist');
// SMARTSOCKET_OLD makes the tests use the plain script, with nothing newer than Chrome 43 around it.
const old = process.env.SMARTSOCKET_OLD && (await import('./old-browser.js')).loadOldClient(join(dist, 'SmartSocketClient.js'), WebSocket);
export const { SmartSocketClient, SmartSocketError, CODES, logger, createLogger } = old ? { SmartSocketClient: old, ...old } : await import(pathToFileURL(join(dist, 'node.js')));
// engines are those that this world can run.
export const engines = old ? ['js', 'auto'] : ['wasm', 'js', 'auto'];
// The modules of ../src as compile.js made them.
const sources = process.env.SMARTSOCKET_SOURCES ?? join(here, '../node_modules/.sources');
export const source = (name) => import(pathToFileURL(join(sources, name)));
export const vectorsPath = join(here, '../../../message/testdata/vectors.json');

// The js engine from the sources, with its parts, and the wasm engine as it was built.
export const { jsEngine } = await source('engine-js.js');
await source('js.js');
const { loadPart } = await source('parts.js');
await Promise.all([loadPart('flate'), loadPart('sealing')]);
const { start } = await import(pathToFileURL(join(dist, 'wasm.js')));
export const loadWasmEngine = () => start(readFile(join(dist, 'smartsocket.wasm')), SmartSocketError);

// loadState loads @smartsocket/client/state.
export const loadState = () => import(pathToFileURL(join(dist, 'state.js')));

logger.setLevel('error');

// code matches an error of ours by its code.
export const code = (c) => (e) => e instanceof SmartSocketError && e.code === c;

// clients made here are closed after the test t, which ends when their WebSockets are closed, too.
// Otherwise the next test may have mocked clearTimeout when one of them closes, and its timer would
// keep the process for half a minute.
export function client(t, url, options) {
  const open = new Set(), { WebSocket: Class = WebSocket } = options ?? {};
  const c = new SmartSocketClient(url, { engine: 'js', reconnectDelay: 5, ...options, WebSocket: Class && watched(Class, open) });
  t.after(async () => {
    c.disconnect();
    while (open.size > 0) await new Promise((resolve) => setImmediate(resolve));
  });
  return c;
}

// watched makes WebSockets of Class that are in open as long as they are not closed.
function watched(Class, open) {
  return class extends Class {
    constructor(...args) {
      super(...args);
      if (!this.addEventListener) return; // some stand-in of a test
      open.add(this);
      this.addEventListener('close', () => open.delete(this));
    }
  };
}

// next resolves with the arguments of the next event.
export const next = (c, event) => new Promise((resolve) => c.once(event, (...args) => resolve(args)));

// until resolves as soon as condition() holds; it asks again after each turn of the event loop.
export async function until(condition) {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

export { WebSocket };
