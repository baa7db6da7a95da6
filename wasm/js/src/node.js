// @smartsocket/client for Node: the wasm file comes from the file system, the WebSocket from Node
// 22 or from the package ws.

import { readFile } from 'node:fs/promises';
import { SmartSocketClient as Client, SmartSocketError } from './js.js';

export { CODES, SmartSocketError, createLogger, logger } from './js.js';

var host = {
  loadWasm: async function (url) { // async, so that a bad URL rejects instead of throwing
    var address = url ? new URL(url, import.meta.url) : new URL('./smartsocket.wasm', import.meta.url);
    var file = address.protocol === 'file:' ? readFile(address) : fetch(address);
    file.catch(function () {}); // start reports the error
    return import('./wasm.js').then(function (wasm) { return wasm.start(file, SmartSocketError); });
  },
  loadSocket: function () {
    return import('ws').then(function (ws) { return ws.WebSocket; }, function () {
      throw new Error('this Node has no WebSocket: use Node 22 or newer, run "npm install ws", or pass one as option WebSocket');
    });
  }
};

export class SmartSocketClient extends Client {
  constructor(url, options) { super(url, options, host); }
}

export default SmartSocketClient;
