// Turning a user's value into a payload.

import { CODES, SmartSocketError } from './errors.js';
import { binary, kindOf } from './bytes.js';

// encodeData returns JSON text, a Uint8Array that borrows binary data, or undefined for no data.
export function encodeData(data, event) {
  var bytes, json;
  if (data === undefined) return undefined;
  bytes = binary(data);
  if (bytes) return bytes;
  try {
    json = JSON.stringify(data);
  } catch (e) {
    throw new SmartSocketError(CODES.INVALID_FORMAT, 'the data of "' + event + '" cannot become JSON: ' + e.message, e);
  }
  // JSON keeps nothing of a Blob, a Map or an Error.
  if (json === undefined || json === '{}' && kindOf(data) !== '[object Object]') throw new SmartSocketError(CODES.INVALID_FORMAT, 'the data of "' + event + '" cannot become JSON: it is ' + kindOf(data));
  return json;
}
