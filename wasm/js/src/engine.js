// Choosing between the two engines.

import { jsEngine } from './engine-js.js';
import { loadWasmEngine } from './engine-wasm.js';

// chooseEngine resolves with an engine. 'wasm' waits for it and fails if it cannot be had; 'js' is there at once;
// 'auto' starts on js and calls swap(engine) as soon as wasm is ready, or warns once and stays.
export function chooseEngine(options, log, swap) {
  if (options.engine === 'js') return Promise.resolve(jsEngine);
  if (options.engine === 'wasm') return loadWasmEngine(options.wasmURL);
  loadWasmEngine(options.wasmURL).then(swap, function (error) { warnOnce(log, error); });
  return Promise.resolve(jsEngine);
}

var warned = false;

function warnOnce(log, error) {
  if (warned) return;
  warned = true;
  log.warn('the wasm engine did not load, the js engine goes on: ' + error.message);
}
