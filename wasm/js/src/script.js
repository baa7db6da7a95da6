// SmartSocketClient.js: everything except wasm in one script that sets window.SmartSocketClient, in
// the syntax of old browsers.

import { coders } from './bytes.js';
import { SmartSocketClient, host } from './client.js';
import './emit.js';
import { startEngine } from './engine-wasm.js';
import { CODES, SmartSocketError } from './errors.js';
import { deflate, inflate } from './flate.js';
import { logger } from './logger.js';
import { parts } from './parts.js';
import { plainDecoder, plainEncoder } from './plain-utf8.js';
import { connect } from './sealing.js';

var GO_SLOT = '@smartsocket/go';
var root = typeof globalThis === 'object' ? globalThis : typeof self === 'object' ? self : window;
var base = scriptURL();

parts.flate = { deflate: deflate, inflate: inflate };
parts.sealing = { connect: connect };
coders.encoder = coders.encoder || plainEncoder;
coders.decoder = coders.decoder || plainDecoder;

host.loadWasm = function (url) {
  if (typeof WebAssembly !== 'object' || typeof TextEncoder !== 'function' || !TextEncoder.prototype.encodeInto) {
    return Promise.reject(new Error('this browser has no WebAssembly or no TextEncoder.encodeInto'));
  }
  var address;
  try {
    address = new URL(url || 'smartsocket.wasm', url && root.location ? root.location.href : base || undefined).href;
  } catch (e) {
    return Promise.reject(e);
  }
  // A response that nobody reads would hold its connection.
  var stop = typeof AbortController === 'function' ? new AbortController() : null;
  var file = fetch(address, stop ? { credentials: 'same-origin', signal: stop.signal } : { credentials: 'same-origin' });
  file.catch(function () {}); // startEngine reports the error
  return loadGo(new URL('wasm_exec.js', address).href).then(function (Go) { return startEngine(Go, file, SmartSocketError); }).catch(function (error) {
    if (stop) stop.abort();
    throw error;
  });
};

// loadGo runs the wasm_exec.js beside the engine. That script leaves Go's class in a slot, and
// loadGo empties the slot at once.
function loadGo(url) {
  return loadScript(url).then(function () {
    var slot = typeof Symbol === 'function' ? Symbol.for(GO_SLOT) : GO_SLOT, Go = root[slot];
    delete root[slot];
    if (!Go) throw new Error('wasm_exec.js did not provide Go: it must be the file built together with this client');
    return Go;
  });
}

function loadScript(url) {
  return new Promise(function (resolve, reject) {
    if (typeof document === 'object') {
      var element = document.createElement('script');
      element.src = url;
      element.onload = function () { element.parentNode.removeChild(element); resolve(); };
      element.onerror = function () { element.parentNode.removeChild(element); reject(new Error('could not load ' + url)); };
      (document.head || document.documentElement).appendChild(element);
    } else if (typeof importScripts === 'function') {
      importScripts(url);
      resolve();
    } else {
      reject(new Error('no way to load ' + url + ' here'));
    }
  });
}

// scriptURL returns the URL of this script.
function scriptURL() {
  if (typeof document === 'object' && document.currentScript) return document.currentScript.src;
  // The scripts of a worker have no other way to know it.
  var found = /((?:https?|file):[^\s()]*?):\d+(?::\d+)?\)?$/m.exec(new Error().stack || '');
  return found ? found[1] : root.location ? root.location.href : '';
}

SmartSocketClient.SmartSocketError = SmartSocketError;
SmartSocketClient.CODES = CODES;
SmartSocketClient.logger = logger;
root.SmartSocketClient = SmartSocketClient;
