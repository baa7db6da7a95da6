// @smartsocket/client for pages and workers: the js engine, and the wasm engine, which loads in the
// background.

import { SmartSocketClient as Client, SmartSocketError } from './js.js';

export { CODES, SmartSocketError, createLogger, logger } from './js.js';

var host = {
  loadWasm: async function (url) { // async, so that a bad URL rejects instead of throwing
    if (typeof WebAssembly !== 'object') throw new Error('this browser has no WebAssembly');
    var stop = new AbortController(); // a response that nobody reads would hold its connection
    var file = fetch(url || new URL('./smartsocket.wasm', import.meta.url), { credentials: 'same-origin', signal: stop.signal });
    file.catch(function () {}); // start reports the error
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
