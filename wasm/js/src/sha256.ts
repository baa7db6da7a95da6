// SHA-256 (FIPS 180-4) and HMAC (RFC 2104) for the js engine, because WebCrypto is missing on http:
// pages and is never synchronous.

import type { Bytes } from './codec.js';

const START: number[] = [], K: number[] = [];

(() => { // the first bits of the fractions of the square and cube roots of the primes
  const fraction = (x: number): number => (x - Math.floor(x)) * 4294967296 | 0;
  for (let n = 2, found = 0; found < 64; n++) {
    let d = 2;
    while (n % d) d++;
    if (d < n) continue;
    if (found < 8) START[found] = fraction(Math.pow(n, 1 / 2));
    K[found++] = fraction(Math.pow(n, 1 / 3));
  }
})();

// concat returns the bytes of all parts, one after the other.
export function concat(parts: ArrayLike<number>[]): Bytes {
  let n = 0, at = 0;
  for (const p of parts) n += p.length;
  const out = new Uint8Array(n);
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}

// words64 writes n, an integer of at most 53 bits, as 8 bytes, the highest first.
export function words64(out: Bytes, at: number, n: number): Bytes {
  for (let i = 7; i >= 0; i--, n = Math.floor(n / 256)) out[at + i] = n % 256;
  return out;
}

// sha256 hashes the bytes of all parts, one after the other.
export function sha256(parts: Bytes[]): Bytes {
  const text = concat(parts), n = text.length, data = new Uint8Array((n + 72) >> 6 << 6);
  const state = START.slice(), w = new Int32Array(64);
  data.set(text);
  data[n] = 0x80;
  words64(data, data.length - 8, n * 8);
  for (let at = 0; at < data.length; at += 64) block(state, w, data, at);
  const out = new Uint8Array(32);
  for (let i = 0; i < 32; i++) out[i] = state[i >> 2] >>> 24 - 8 * (i & 3);
  return out;
}

// block takes the 64 bytes at data[at] into the state. w is room for the schedule.
function block(state: number[], w: Int32Array, data: Bytes, at: number): void {
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < 64; i++) {
    if (i < 16) {
      const j = at + 4 * i;
      w[i] = data[j] << 24 | data[j + 1] << 16 | data[j + 2] << 8 | data[j + 3];
    } else {
      const x = w[i - 15], y = w[i - 2];
      w[i] = w[i - 16] + w[i - 7] + ((x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ x >>> 3) +
        ((y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ y >>> 10);
    }
    const t = h + ((e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7)) +
      (e & f ^ ~e & g) + K[i] + w[i] | 0;
    const u = ((a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10)) +
      (a & b ^ a & c ^ b & c) | 0;
    h = g;
    g = f;
    f = e;
    e = d + t | 0;
    d = c;
    c = b;
    b = a;
    a = t + u | 0;
  }
  [a, b, c, d, e, f, g, h].forEach((v, k) => { state[k] = state[k] + v | 0; });
}

// hmac authenticates the bytes of parts with a key of any length.
export function hmac(key: Bytes, parts: Bytes[]): Bytes {
  const inner = new Uint8Array(64), outer = new Uint8Array(64);
  inner.set(key.length > 64 ? sha256([key]) : key);
  for (let i = 0; i < 64; i++) {
    outer[i] = inner[i] ^ 0x5c;
    inner[i] ^= 0x36;
  }
  return sha256([outer, sha256([inner].concat(parts))]);
}
