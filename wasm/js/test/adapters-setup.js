// What the tests of the adapters share: the adapter as it was built, beside the frameworks; a page;
// clients whose sockets are counted; and what was written to the console.

import { JSDOM } from 'jsdom';
import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { SmartSocketClient, WebSocket, dist, until } from './setup.js';

export { until };
export const url = process.env.SMARTSOCKET_URL;
export const skip = !url && 'run by go test ./wasm';

// Imports of frameworks are found from here, as from the node_modules of an application.
const modules = join(dirname(fileURLToPath(import.meta.url)), '../node_modules');
const folder = mkdtempSync(join(modules, '.adapters-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

// adapter loads @smartsocket/client/name.
export function adapter(name) {
  copyFileSync(join(dist, name + '.js'), join(folder, name + '.mjs'));
  return import(pathToFileURL(join(folder, name + '.mjs')));
}

// module loads a module from its text.
export function module(name, text) {
  writeFileSync(join(folder, name), text);
  return import(pathToFileURL(join(folder, name)));
}

export const insideOf = (path) => import(pathToFileURL(join(modules, path)));

// page gives this process a window and a document, and returns the element for an application.
export function page() {
  const { window } = new JSDOM('<!doctype html><div id="app"></div>', { pretendToBeVisual: true });
  const names = ['document', 'navigator', 'Element', 'HTMLElement', 'SVGElement', 'MathMLElement',
    'Node', 'Text', 'Comment', 'HTMLIFrameElement', 'HTMLMediaElement', 'MutationObserver',
    'Event'];
  globalThis.window = window;
  for (const name of names) { // Node has some of its own
    Object.defineProperty(globalThis, name, { value: window[name], configurable: true });
  }
  return window.document.getElementById('app');
}

// counted makes a client of the real server that is closed after the test t. opened holds all its
// sockets, open() says how many of them are not closed, calls how many listeners of "echoed" were
// added and removed.
export function counted(t, address = url + '/game', options) {
  const opened = [];
  class Counted extends WebSocket {
    constructor(...args) {
      super(...args);
      opened.push(this);
    }
  }
  const client = new SmartSocketClient(address, {
    WebSocket: Counted, engine: 'js', reconnectDelay: 5, ...options,
  });
  const calls = { on: 0, off: 0 };
  for (const name of ['on', 'off']) {
    const real = client[name];
    client[name] = (...args) => {
      if (args[0] === 'echoed') calls[name]++;
      return real.apply(client, args);
    };
  }
  t.after(() => client.disconnect());
  const open = () => opened.filter((s) => s.readyState !== WebSocket.CLOSED).length;
  return { client, opened, open, calls };
}

// quiet fails the test t at its end if anything was written to the console meanwhile. A rejection
// that nobody handles fails it anyhow.
export function quiet(t) {
  const lines = [];
  const real = { error: console.error, warn: console.warn };
  for (const name of Object.keys(real)) console[name] = (...args) => lines.push(args.join(' '));
  t.after(async () => {
    await new Promise((resolve) => setTimeout(resolve)); // for what is rejected at the very end
    Object.assign(console, real);
    assert.deepEqual(lines, []);
  });
}

// closed resolves when the last socket is, which is later than the tick after the last release.
export const closed = (c) => until(() => c.open() === 0);

// turn lets what is due at once happen: releases, and renderings.
export const turn = async () => {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setTimeout(resolve));
};
