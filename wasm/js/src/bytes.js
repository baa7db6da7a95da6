// UTF-8 and binary data, with plain-JavaScript stand-ins for browsers without TextEncoder.

import { CODES, SmartSocketError } from './errors.js';
import { CONTROL, MAX_EVENT_NAME } from './wire.js';

var encoder = typeof TextEncoder === 'function' ? new TextEncoder() : null;
var decoder = typeof TextDecoder === 'function' ? new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }) : null;

export function utf8(s) {
  return encoder ? encoder.encode(s) : encodePlain(s);
}

// text decodes UTF-8 strictly: anything else throws.
export function text(bytes) {
  try {
    return decoder ? decoder.decode(bytes) : decodePlain(bytes);
  } catch (e) {
    throw new SmartSocketError(CODES.INVALID_FORMAT, 'a message holds bytes that are not UTF-8 where text belongs');
  }
}

export function encodePlain(s) {
  return Uint8Array.from(unescape(encodeURIComponent(wellFormed(s))), function (c) { return c.charCodeAt(0); });
}

export function decodePlain(bytes) {
  var s = '';
  for (var i = 0; i < bytes.length; i += 4096) {
    s += String.fromCharCode.apply(null, bytes.subarray(i, i + 4096));
  }
  return decodeURIComponent(escape(s));
}

// wellFormed replaces lone surrogates, as TextEncoder does.
function wellFormed(s) {
  return s.replace(/[\uD800-\uDBFF][\uDC00-\uDFFF]|[\uD800-\uDFFF]/g, function (m) { return m.length === 2 ? m : '\uFFFD'; });
}

// isEventName reports whether name has 1 to 128 bytes of UTF-8, whole characters and no control characters.
export function isEventName(name) {
  if (typeof name !== 'string' || name === '' || name.length > MAX_EVENT_NAME || CONTROL.test(name) || wellFormed(name) !== name) return false;
  return name.length * 3 <= MAX_EVENT_NAME || utf8(name).length <= MAX_EVENT_NAME;
}

// binary returns a view of data when it is an ArrayBuffer or a view of one, else null.
export function binary(data) {
  if (data === null || typeof data !== 'object') return null;
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data instanceof ArrayBuffer || Object.prototype.toString.call(data) === '[object ArrayBuffer]') return new Uint8Array(data);
  return null;
}
