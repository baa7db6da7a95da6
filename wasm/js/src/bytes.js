// UTF-8 and binary data.

import { CODES, SmartSocketError } from './errors.js';
import { CONTROL, MAX_EVENT_NAME } from './wire.js';

// coders are the browser's own. For old browsers that have none script.js sets replacements.
export var coders = {
  encoder: typeof TextEncoder === 'function' ? new TextEncoder() : null,
  decoder: typeof TextDecoder === 'function' ? new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }) : null
};

export function utf8(s) { return coders.encoder.encode(s); }

// text decodes UTF-8 strictly: anything else throws.
export function text(bytes) {
  try {
    return coders.decoder.decode(bytes);
  } catch (e) {
    throw new SmartSocketError(CODES.INVALID_FORMAT, 'a message holds bytes that are not UTF-8 where text belongs');
  }
}

// wellFormed replaces lone surrogates, as TextEncoder does.
export function wellFormed(s) {
  return s.replace(/[\uD800-\uDBFF][\uDC00-\uDFFF]|[\uD800-\uDFFF]/g, function (m) { return m.length === 2 ? m : '\uFFFD'; });
}

// isEventName reports whether name has 1 to 128 bytes of UTF-8, whole characters and no control
// characters.
export function isEventName(name) {
  if (typeof name !== 'string' || name === '' || name.length > MAX_EVENT_NAME || CONTROL.test(name) || wellFormed(name) !== name) return false;
  return name.length * 3 <= MAX_EVENT_NAME || utf8(name).length <= MAX_EVENT_NAME;
}

// binary returns a view of data when it is an ArrayBuffer or a view of one, else null.
export function binary(data) {
  if (data === null || typeof data !== 'object') return null;
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (kindOf(data) === '[object ArrayBuffer]') return new Uint8Array(data);
  return null;
}

// kindOf is [object Blob] and the like, of other windows' objects as well.
export function kindOf(data) { return Object.prototype.toString.call(data); }
