import type { Bytes } from './codec.js';

// latin1 returns the bytes of a string whose characters are at most 255. Chrome has Uint8Array.from
// only since version 45.
export function latin1(s: string): Bytes {
  const bytes = new Uint8Array(s.length);
  for (let i = 0; i < s.length; i++) bytes[i] = s.charCodeAt(i);
  return bytes;
}
