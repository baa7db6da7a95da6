// @smartsocket/client for Node: the wasm file comes from the file system, the WebSocket from Node
// 22 or from the package ws.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { SmartSocketClient as Client, SmartSocketError } from '@smartsocket/client/js';
import type { EventMap, Options } from '@smartsocket/client/js';
import { nodeSocket } from './node-socket.js';
import type { SocketClass } from './socket.js';

export * from '@smartsocket/client/js';

declare const COMMONJS: boolean; // the build says it
declare function require(file: './wasm.cjs'): typeof import('./wasm.js');

const host = {
  async loadWasm(url?: string) { // async, so that a bad URL rejects instead of throwing
    const address = url ? new URL(url, import.meta.url)
      : new URL('./smartsocket.wasm', import.meta.url); // as bundlers look for it
    const { protocol } = address;
    if (!/^(file|https?):$/.test(protocol)) { // Next.js has the address in a page for it
      const error = new Error('the bundler keeps smartsocket.wasm where this program cannot find ' +
        'it: set the option wasmURL');
      throw Object.assign(error, { expected: true });
    }
    const file = protocol === 'file:' ? readFile(address) : fetch(address);
    file.catch(() => {}); // start reports the error
    // Tools like Jest run CommonJS without import().
    const wasm = COMMONJS ? require('./wasm.cjs') : await import('./wasm.js');
    return wasm.start(file, SmartSocketError);
  },
  async loadSocket(): Promise<SocketClass> {
    if (typeof WebSocket === 'function') return nodeSocket(WebSocket);
    try {
      // Bundlers leave it alone, because most programs are built and run without it.
      const ws = COMMONJS ? createRequire(import.meta.url)('ws') : await import(
        /* webpackIgnore: true */ /* turbopackIgnore: true */ /* @vite-ignore */ 'ws');
      return ws.WebSocket;
    } catch (error) {
      throw new Error('this Node has no WebSocket: use Node 22 or newer, run "npm install ws" ' +
        `where the program runs, or pass one as option WebSocket (${messageOf(error)})`);
    }
  },
};

function messageOf(thrown: unknown): string {
  return (thrown as Error).message;
}

/** The same as in index.ts, whose declarations describe both. */
export class SmartSocketClient<In extends object = EventMap, Out extends object = EventMap>
  extends Client<In, Out> {
  constructor(url: string, options?: Options) {
    super(url, options, host);
  }
}

Object.defineProperty(SmartSocketClient, 'name', { value: 'SmartSocketClient' });

export default SmartSocketClient;
