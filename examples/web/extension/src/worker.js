// One connection for the popup and all pages of the extension. Chrome lets the worker live while
// messages come and go; the server's pings do.

import wasm from '@smartsocket/client/smartsocket.wasm';
import { join } from './arena.js';

const pages = new Set();
let client, state = '';

const show = (text) => {
  state = text;
  for (const page of pages) page.postMessage(text);
};

chrome.runtime.onConnect.addListener((page) => {
  client ??= join(`${page.name}/game`, show, { wasmURL: chrome.runtime.getURL(wasm) });
  pages.add(page);
  page.onDisconnect.addListener(() => pages.delete(page));
  page.postMessage(state);
});
