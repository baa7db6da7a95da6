// SmartSocketClient.js: everything except wasm in one script that sets window.SmartSocketClient, in
// the syntax of old browsers.

import { SmartSocketClient as Client } from './client.js';
import type { Engine } from './codec.js';
import { complete } from './complete.js';
import { startEngine } from './engine-wasm.js';
import type { GoClass } from './engine-wasm.js';
import { CODES, SmartSocketError } from './errors.js';
import { logger } from './logger.js';
import type { Options } from './options.js';

declare function importScripts(url: string): void;

type Root = { SmartSocketClient?: unknown; location?: Location } & Record<PropertyKey, unknown>;

const GO_SLOT = '@smartsocket/go';
const root = (typeof globalThis === 'object' ? globalThis : typeof self === 'object' ? self
  : window) as unknown as Root;
const base = scriptURL();

complete();

function loadWasm(url?: string): Promise<Engine> {
  if (typeof WebAssembly !== 'object' || typeof TextEncoder !== 'function' ||
    !TextEncoder.prototype.encodeInto) {
    return Promise.reject(
      new Error('this browser has no WebAssembly or no TextEncoder.encodeInto'));
  }
  let address: string;
  try {
    const from = url && root.location ? root.location.href : base || undefined;
    address = new URL(url || 'smartsocket.wasm', from).href;
  } catch (e) {
    return Promise.reject(e);
  }
  // A response that nobody reads would hold its connection.
  const stop = typeof AbortController === 'function' ? new AbortController() : null;
  const init: RequestInit = { credentials: 'same-origin' };
  if (stop) init.signal = stop.signal;
  const file = fetch(address, init);
  file.catch(() => {}); // startEngine reports the error
  return loadGo(new URL('wasm_exec.js', address).href)
    .then((Go) => startEngine(Go, file, SmartSocketError)).catch((error) => {
      if (stop) stop.abort();
      throw error;
    });
}

// loadGo runs the wasm_exec.js beside the engine. That script leaves Go's class in a slot, and
// loadGo empties the slot at once.
function loadGo(url: string): Promise<GoClass> {
  return loadScript(url).then(() => {
    const slot = typeof Symbol === 'function' ? Symbol.for(GO_SLOT) : GO_SLOT, Go = root[slot];
    delete root[slot];
    if (!Go) {
      throw new Error(
        'wasm_exec.js did not provide Go: it must be the file built together with this client');
    }
    return Go as GoClass;
  });
}

function loadScript(url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    if (typeof document === 'object') {
      const element = document.createElement('script');
      element.src = url;
      element.onload = () => {
        element.parentNode!.removeChild(element);
        resolve();
      };
      element.onerror = () => {
        element.parentNode!.removeChild(element);
        reject(new Error('could not load ' + url));
      };
      (document.head || document.documentElement).appendChild(element);
    } else if (typeof importScripts === 'function') {
      importScripts(url);
      resolve();
    } else {
      reject(new Error(`no way to load ${url} here`));
    }
  });
}

// scriptURL returns the URL of this script.
function scriptURL(): string {
  if (typeof document === 'object' && document.currentScript) {
    return (document.currentScript as HTMLScriptElement).src;
  }
  // The scripts of a worker have no other way to know it.
  const stack = new Error().stack || '';
  const found = /((?:https?|file):[^\s()]*?):\d+(?::\d+)?\)?$/m.exec(stack);
  return found ? found[1] : root.location ? root.location.href : '';
}

// In ES5 a class is a function, and its constructor fills in any object that has its prototype.
interface Initialiser {
  call(self: object, url: string, options: Options | undefined, host: object): void;
}

// SmartSocketClient may be called with or without new.
function SmartSocketClient(this: unknown, url: string, options?: Options): object {
  const self = this instanceof Client ? this : Object.create(Client.prototype);
  (Client as unknown as Initialiser).call(self, url, options, { loadWasm });
  return self;
}

SmartSocketClient.prototype = Client.prototype;
Object.defineProperty(Client.prototype, 'constructor',
  { value: SmartSocketClient, writable: true, configurable: true });
Object.defineProperty(SmartSocketClient, 'name', { value: 'SmartSocketClient' });
SmartSocketClient.SmartSocketError = SmartSocketError;
SmartSocketClient.CODES = CODES;
SmartSocketClient.logger = logger;
root.SmartSocketClient = SmartSocketClient;
