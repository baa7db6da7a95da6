// Choosing one of the two engines, and loading what it needs.

import type { Engine } from './codec.js';
import { jsEngine } from './engine-js.js';
import { messageOf } from './errors.js';
import type { Logger } from './logger.js';
import type { Settings } from './options.js';
import { loadPart, parts } from './parts.js';

export type LoadWasm = (url: string | undefined) => Promise<Engine>;

type Address = string | undefined;
const engines = new Map<Address, Promise<Engine>>(); // the clients of one page share them
const ready = new Map<Address, Engine>(); // the same once they are loaded
let warned = false;

// chooseEngine resolves with an engine. 'wasm' waits for the wasm engine and fails if it does not
// load. 'js' is there at once. 'auto' starts with js and calls swap(engine) as soon as wasm is
// ready; if it does not load it warns once and stays with js.
export function chooseEngine(options: Settings, loadWasm: LoadWasm | undefined, log: Logger,
  swap: (engine: Engine) => void): Promise<Engine> {
  if (options.engine === 'js' || !loadWasm) return Promise.resolve(jsEngine);
  const loaded = ready.get(options.wasmURL);
  if (loaded) return Promise.resolve(loaded);
  const engine = load(options.wasmURL, loadWasm);
  if (options.engine === 'wasm') return engine;
  engine.then(swap, (error) => {
    if (!warned) {
      log[(error as { expected?: boolean }).expected ? 'info' : 'warn'](
        'the wasm engine did not load, the js engine goes on: ' + messageOf(error));
    }
    warned = true;
  });
  return Promise.resolve(jsEngine);
}

function load(url: Address, loadWasm: LoadWasm): Promise<Engine> {
  const running = engines.get(url);
  if (running) return running;
  const promise = loadWasm(url);
  engines.set(url, promise);
  promise.then((engine) => {
    if (engines.get(url) === promise) ready.set(url, engine);
  }, () => {
    engines.delete(url); // a later connect may try again
  });
  return promise;
}

// forgetEngines makes the next connection load a new engine, after one has failed for good.
export function forgetEngines(): void {
  engines.clear();
  ready.clear();
}

// prepare loads the parts that a connection with this engine needs. If the part for compression
// does not load, nothing is compressed.
export function prepare(engine: Engine, options: Settings, log: Logger): Promise<unknown> {
  if (engine !== jsEngine) return Promise.resolve();
  return Promise.all([
    options.compression && loadPart('flate').catch((error) => {
      log.warn('no message will be compressed: ' + messageOf(error));
    }),
    options.enableEncryption && loadPart('sealing'),
  ]);
}

// canInflate reports whether a server may send compressed messages.
export function canInflate(engine: Engine, options: Settings): boolean {
  return options.compression && (engine !== jsEngine || !!parts.flate);
}
