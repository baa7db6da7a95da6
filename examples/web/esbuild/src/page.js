import wasm from '@smartsocket/client/smartsocket.wasm'; // --loader:.wasm=file makes it an address
import { join } from './arena.js';

const show = (text) => {
  document.getElementById('state').textContent = text;
};
join('/game', show, { wasmURL: new URL(wasm, import.meta.url).href });
