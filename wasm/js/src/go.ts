// Go's loader. wasm_exec.js is Go's own file, which the build lays beside this one.

import { goWorld } from './go-world.js';
import type { GoClass } from './engine-wasm.js';
import './wasm_exec.js';

export function loadGo(): GoClass {
  return goWorld.Go as GoClass;
}
