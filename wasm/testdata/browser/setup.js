// The browser's ../../js/test/setup.js: the same exports around the client as pages load it.

import { Absent } from '/shim/node.js';

const classic = self.SmartSocketClient; // the plain script, where the page has loaded it
export const { SmartSocketClient, SmartSocketError, CODES, logger, createLogger } = classic ? { SmartSocketClient: classic, ...classic } : await import('/dist/index.js');
export const dist = '/dist', vectorsPath = '/message/testdata/vectors.json';
export const source = (name) => import('/wasm/js/src/' + name);

export const { jsEngine } = await source('engine-js.js');
await source('js.js');
const { loadPart } = await source('parts.js');
await Promise.all([loadPart('flate'), loadPart('sealing')]);
const { SmartSocketError: sourceError } = await source('errors.js');
const { start } = await import('/dist/wasm.js');
export const loadWasmEngine = () => start(fetch('/dist/smartsocket.wasm'), sourceError);
export const engines = ['wasm', 'js', 'auto'];

export const loadState = () => import('/dist/state.js');

logger.setLevel('error');

export function client(t, url, options) {
  const c = new SmartSocketClient(url, { engine: 'js', reconnectDelay: 5, ...options });
  t.after(() => c.disconnect());
  return c;
}

export const next = (c, event) => new Promise((resolve) => c.once(event, (...args) => resolve(args)));
export const code = (c) => (e) => e instanceof SmartSocketError && e.code === c;

export async function until(condition) {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

// WebSocket is the browser's, for tests that build on it. Who opens one by hand wants what only package ws can do.
export class WebSocket extends self.WebSocket {
  constructor(...args) {
    if (new.target === WebSocket) throw new Absent('package ws');
    super(...args);
  }
}
