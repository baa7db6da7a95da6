// One connection for all tabs of the page.

import wasm from '@smartsocket/client/smartsocket.wasm';
import { join } from './arena.js';

const tabs = new Set();
let state = '';

const show = (text) => {
  state = text;
  for (const tab of tabs) tab.postMessage(text);
};
join('/game', show, { wasmURL: new URL(wasm, import.meta.url).href });

self.onconnect = ({ ports: [tab] }) => {
  tabs.add(tab);
  tab.onmessage = () => tabs.delete(tab); // it is going, and nothing tells a worker of that
  tab.postMessage(state);
};
