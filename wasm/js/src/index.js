// @smartsocket/client in pages and workers: the js engine, and the wasm engine, which is loaded in the background.

import { SmartSocketClient as Client, SmartSocketError } from './js.js';

export { CODES, SmartSocketError, createLogger, logger } from './js.js';

var host = {
  loadWasm: async function (url) { // async: a URL that is none is a rejection too
    if (typeof WebAssembly !== 'object') throw new Error('this browser has no WebAssembly');
    var stop = new AbortController(); // a response that nobody reads would keep its connection
    var file = fetch(url || new URL('./smartsocket.wasm', import.meta.url), { credentials: 'same-origin', signal: stop.signal });
    file.catch(function () {}); // start tells
    return import('./wasm.js').then(function (wasm) { return wasm.start(file, SmartSocketError); }).catch(function (error) {
      stop.abort();
      throw error;
    });
  }
};

export class SmartSocketClient extends Client {
  constructor(url, options) { super(url, options, host); }
}

export default SmartSocketClient;
