// The wasm engine with Go's loader, as one module. index.js and node.js load it when a connection
// wants it.

import { loadGo } from './go.js'; // written by build.sh
import { startEngine } from './engine-wasm.js';

export function start(source, SmartSocketError) {
  return startEngine(loadGo(globalThis), source, SmartSocketError);
}
