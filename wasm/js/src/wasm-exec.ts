// wasm_exec.js of the package: Go's loader as a plain script, which script.ts runs. It leaves Go's
// class in a slot for it.

import { loadGo } from './go.js';

declare const global: object;

Object.defineProperty(typeof self === 'object' ? self : global, Symbol.for('@smartsocket/go'),
  { value: loadGo(), configurable: true });
