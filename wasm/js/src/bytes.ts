// UTF-8 and binary data.

import type { Bytes } from './codec.js';
import { invalidFormat } from './errors.js';
import { SHORT, putAscii } from './short.js';
import { CONTROL, MAX_EVENT_NAME } from './wire.js';

interface Coders {
  encoder: { encode(s: string): Bytes } | null;
  decoder: { decode(bytes: Bytes): string } | null;
}

// coders are the browser's own. For old browsers that have none script.ts sets replacements.
export const coders: Coders = {
  encoder: typeof TextEncoder === 'function' ? new TextEncoder() : null,
  decoder: typeof TextDecoder === 'function'
    ? new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }) : null,
};

export function utf8(s: string): Bytes {
  const short = new Uint8Array(s.length > SHORT ? 0 : s.length);
  return putAscii(short, 0, s) ? short : coders.encoder!.encode(s);
}

// text decodes UTF-8 strictly: anything else throws.
export function text(bytes: Bytes): string {
  try {
    return coders.decoder!.decode(bytes);
  } catch {
    throw invalidFormat('a message holds bytes that are not UTF-8 where text belongs');
  }
}

// wellFormed replaces lone surrogates, as TextEncoder does.
export function wellFormed(s: string): string {
  return s.replace(/[\uD800-\uDBFF][\uDC00-\uDFFF]|[\uD800-\uDFFF]/g,
    (m) => m.length === 2 ? m : '\uFFFD');
}

// isEventName reports whether name has 1 to 128 bytes of UTF-8, whole characters and no control
// characters.
export function isEventName(name: unknown): name is string {
  if (typeof name !== 'string' || name === '' || name.length > MAX_EVENT_NAME) return false;
  if (CONTROL.test(name) || wellFormed(name) !== name) return false;
  return name.length * 3 <= MAX_EVENT_NAME || utf8(name).length <= MAX_EVENT_NAME;
}

// binary returns a view of data when it is an ArrayBuffer or a view of one, else null.
export function binary(data: unknown): Bytes | null {
  if (data === null || typeof data !== 'object') return null;
  if (ArrayBuffer.isView(data)) {
    return new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  }
  if (kindOf(data) === '[object ArrayBuffer]') return new Uint8Array(data as ArrayBuffer);
  return null;
}

// kindOf is [object Blob] and the like, of other windows' objects as well.
export function kindOf(data: unknown): string {
  return Object.prototype.toString.call(data);
}

// owned returns a copy of binary data, which the application may change later.
export function owned<T>(payload: T | Bytes): T | Bytes {
  return payload instanceof Uint8Array ? new Uint8Array(payload) : payload;
}
