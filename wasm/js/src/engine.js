// Choosing one of the two engines, and loading what it needs.

import { jsEngine } from './engine-js.js';
import { loadPart, parts } from './parts.js';

var engines = new Map(); // wasmURL → promise of its engine; the clients of one page share it
var ready = new Map(); // wasmURL → the same engine once it is loaded
var warned = false;

// chooseEngine resolves with an engine. 'wasm' waits for the wasm engine and fails if it does not
// load. 'js' is there at once. 'auto' starts with js and calls swap(engine) as soon as wasm is
// ready; if it does not load it warns once and stays with js.
export function chooseEngine(options, loadWasm, log, swap) {
  if (options.engine === 'js' || !loadWasm) return Promise.resolve(jsEngine);
  if (ready.has(options.wasmURL)) return Promise.resolve(ready.get(options.wasmURL));
  var engine = load(options.wasmURL, loadWasm);
  if (options.engine === 'wasm') return engine;
  engine.then(swap, function (error) {
    if (!warned) log.warn('the wasm engine did not load, the js engine goes on: ' + error.message);
    warned = true;
  });
  return Promise.resolve(jsEngine);
}

function load(url, loadWasm) {
  var promise = engines.get(url);
  if (!promise) {
    engines.set(url, promise = loadWasm(url));
    promise.then(function (engine) {
      if (engines.get(url) === promise) ready.set(url, engine);
    }, function () { engines.delete(url); }); // a later connect may try again
  }
  return promise;
}

// forgetEngines makes the next connection load a new engine, after one has failed for good.
export function forgetEngines() {
  engines.clear();
  ready.clear();
}

// prepare loads the parts that a connection with this engine needs. If the part for compression
// does not load, nothing is compressed.
export function prepare(engine, options, log) {
  if (engine !== jsEngine) return Promise.resolve();
  return Promise.all([
    options.compression && loadPart('flate').catch(function (error) { log.warn('no message will be compressed: ' + error.message); }),
    options.enableEncryption && loadPart('sealing')
  ]);
}

// canInflate reports whether a server may send compressed messages.
export function canInflate(engine, options) {
  return options.compression && (engine !== jsEngine || parts.flate !== null);
}
