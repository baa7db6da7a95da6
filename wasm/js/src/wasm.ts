// The wasm engine with Go's loader, as one module. index.ts and node.ts load it when a connection
// wants it.

import type { Bytes, Engine } from './codec.js';
import { startEngine } from './engine-wasm.js';
import type { SmartSocketError } from './errors.js';
import { loadGo } from './go.js';

export function start(source: Promise<Response | Bytes>,
  Class: typeof SmartSocketError): Promise<Engine> {
  return startEngine(loadGo(), source, Class);
}
