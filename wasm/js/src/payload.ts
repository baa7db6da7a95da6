// Turning a user's value into a payload.

import type { Payload } from './codec.js';
import type { SmartSocketError } from './errors.js';
import { invalidFormat, messageOf } from './errors.js';
import { binary, kindOf } from './bytes.js';

// encodeData returns JSON text, a Uint8Array that borrows binary data, or undefined for no data.
export function encodeData(data: unknown, event: string): Payload {
  if (data === undefined) return undefined;
  const bytes = binary(data);
  if (bytes) return bytes;
  let json: string | undefined;
  try {
    json = JSON.stringify(data);
  } catch (e) {
    let what = '';
    try {
      what = loss(data, '');
    } catch {} // cyclic
    throw notJSON(event, what || messageOf(e), e);
  }
  // What binary data and the like become; other text of this form only costs the look.
  const what = json === undefined || /\{(?:\}|"0":|"type":"Buffer")/.test(json)
    ? loss(data, '', json === undefined) : '';
  if (what) throw notJSON(event, what);
  return json;
}

// loss finds the first member at or below data, whose path is given, of which JSON keeps nothing: a
// Blob, a Map, an Error; or which would arrive as something else: binary data.
function loss(data: unknown, path: string, always = false): string {
  const kind = kindOf(data), at = path && ` at ${path}`;
  const { toJSON } = Object(data) as { toJSON?: () => unknown };
  if (always || typeof data === 'bigint' && !toJSON) return `it is ${kind}${at}`;
  if (data === null || typeof data !== 'object') return '';
  if (binary(data)) return `there is ${kind}${at}: send binary data as an event of its own`;
  if (typeof toJSON === 'function') {
    const stands = toJSON.call(data);
    return stands === data ? '' : loss(stands, path);
  }
  const names = Object.keys(data);
  if (names.length === 0 && !KEPT.test(kind)) return `it is ${kind}${at}`;
  for (const name of names) {
    const member = Array.isArray(data) ? `[${name}]` : '.' + name;
    const what = loss((data as Record<string, unknown>)[name], path + member);
    if (what) return what;
  }
  return '';
}

const KEPT = /^\[object (?:Object|Array|String|Number|Boolean)\]$/;

function notJSON(event: string, why: string, cause?: unknown): SmartSocketError {
  return invalidFormat(`the data of "${event}" cannot become JSON: ${why}`, cause);
}
