// @smartsocket/client for Node: the wasm file comes from the file system, the WebSocket from Node
// 22 or from the package ws.

import { readFile } from 'node:fs/promises';
import { SmartSocketClient as Client, SmartSocketError } from '@smartsocket/client/js';
import type { EventMap, Options } from '@smartsocket/client/js';

export * from '@smartsocket/client/js';

const host = {
  async loadWasm(url?: string) { // async, so that a bad URL rejects instead of throwing
    const address = url ? new URL(url, import.meta.url)
      : new URL('./smartsocket.wasm', import.meta.url); // as bundlers look for it
    const file = address.protocol === 'file:' ? readFile(address) : fetch(address);
    file.catch(() => {}); // start reports the error
    const wasm = await import('./wasm.js');
    return wasm.start(file, SmartSocketError);
  },
  loadSocket() {
    return import('ws').then((ws) => ws.WebSocket, () => {
      throw new Error('this Node has no WebSocket: use Node 22 or newer, run "npm install ws", ' +
        'or pass one as option WebSocket');
    });
  },
};

/** The same as in index.ts, whose declarations describe both. */
export class SmartSocketClient<In extends object = EventMap, Out extends object = EventMap>
  extends Client<In, Out> {
  constructor(url: string, options?: Options) {
    super(url, options, host);
  }
}

Object.defineProperty(SmartSocketClient, 'name', { value: 'SmartSocketClient' });

export default SmartSocketClient;
