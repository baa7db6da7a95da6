// @smartsocket/client for pages and workers: the js engine, and the wasm engine, which loads in the
// background.

import { SmartSocketClient as Client, SmartSocketError } from '@smartsocket/client/js';
import type { EventMap, Options } from '@smartsocket/client/js';

export * from '@smartsocket/client/js';

const host = {
  async loadWasm(url?: string) { // async, so that a bad URL rejects instead of throwing
    if (typeof WebAssembly !== 'object') throw new Error('this browser has no WebAssembly');
    const stop = new AbortController(); // a response that nobody reads would hold its connection
    const file = fetch(url || new URL('./smartsocket.wasm', import.meta.url),
      { credentials: 'same-origin', signal: stop.signal });
    file.catch(() => {}); // start reports the error
    try {
      const wasm = await import('./wasm.js');
      return await wasm.start(file, SmartSocketError);
    } catch (error) {
      stop.abort();
      throw error;
    }
  },
};

/**
 * The client with both engines. `In` maps the events that the server sends, `Out` those that the
 * client sends; without them any event may have any data and any answer.
 */
export class SmartSocketClient<In extends object = EventMap, Out extends object = EventMap>
  extends Client<In, Out> {
  /**
   * url: ws:, wss:, http: or https:; in a page it may be relative. Throws TypeError for an unusable
   * URL or option.
   */
  constructor(url: string, options?: Options) {
    super(url, options, host);
  }
}

Object.defineProperty(SmartSocketClient, 'name', { value: 'SmartSocketClient' });

export default SmartSocketClient;
