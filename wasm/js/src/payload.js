// From a user's value to a payload.

import { CODES, SmartSocketError } from './errors.js';
import { binary } from './bytes.js';

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
  if (json === undefined || json === '{}' && nameOf(data) !== 'Object') {
    throw new SmartSocketError(CODES.INVALID_FORMAT, 'the data of "' + event + '" is a ' + nameOf(data) + ', which JSON cannot carry');
  }
  return json;
}

// nameOf is what kind of object data is: of a Blob, a Map or an Error JSON would keep nothing.
function nameOf(data) { return Object.prototype.toString.call(data).slice(8, -1); }
