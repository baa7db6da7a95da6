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
    throw notJSON(event, messageOf(e), e);
  }
  // JSON keeps nothing of a Blob, a Map or an Error.
  if (json === undefined || json === '{}' && kindOf(data) !== '[object Object]') {
    throw notJSON(event, 'it is ' + kindOf(data));
  }
  return json;
}

function notJSON(event: string, why: string, cause?: unknown): SmartSocketError {
  return invalidFormat(`the data of "${event}" cannot become JSON: ${why}`, cause);
}
