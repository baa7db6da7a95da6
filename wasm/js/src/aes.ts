// AES-256 (FIPS 197) with GCM (NIST SP 800-38D) and CBC for the js engine. It uses tables, so its
// timing depends on the key, and other programs on the same processor may learn something from it.
// Use the wasm engine or wss: where that matters.

import type { Bytes } from './codec.js';

const SBOX = new Uint8Array(256), UNBOX = new Uint8Array(256);
const ENCRYPT = new Int32Array(256), DECRYPT = new Int32Array(256);
const REDUCE: number[] = []; // what four bits shifted out of a GCM field element turn into

const POLYNOMIAL = 0xe1000000; // of GCM

function twice(x: number): number {
  return x << 1 ^ (x & 0x80 ? 0x11b : 0);
}

(() => {
  const powers: number[] = [], logs: number[] = [];
  for (let i = 0, x = 1; i < 255; i++, x ^= twice(x)) { // 3 generates the field
    powers[i] = x;
    logs[x] = i;
  }
  const times = (a: number, b: number): number => a && powers[(logs[a] + logs[b]) % 255];
  for (let i = 0; i < 256; i++) {
    let x = i && powers[(255 - logs[i]) % 255];
    x ^= x << 1 ^ x << 2 ^ x << 3 ^ x << 4;
    x = (x >> 8 ^ x & 0xff ^ 0x63) & 0xff;
    SBOX[i] = x;
    UNBOX[x] = i;
    ENCRYPT[i] = times(x, 2) << 24 | x << 16 | x << 8 | times(x, 3);
  }
  for (let i = 0; i < 256; i++) {
    const x = UNBOX[i];
    DECRYPT[i] = times(x, 14) << 24 | times(x, 9) << 16 | times(x, 13) << 8 | times(x, 11);
  }
  for (let i = 0; i < 16; i++) {
    let x = 0;
    for (let bit = 0, v = i; bit < 4; bit++, v >>= 1) x = x >>> 1 ^ (v & 1 ? POLYNOMIAL : 0);
    REDUCE[i] = x;
  }
})();

function word(b: Bytes, at: number): number {
  return b[at] << 24 | b[at + 1] << 16 | b[at + 2] << 8 | b[at + 3];
}

function substitute(w: number): number {
  return SBOX[w >>> 24] << 24 | SBOX[w >> 16 & 0xff] << 16 | SBOX[w >> 8 & 0xff] << 8 |
    SBOX[w & 0xff];
}

// mixed combines one entry of each of four columns.
function mixed(a: number, b: number, c: number, d: number): number {
  return a ^ (b >>> 8 | b << 24) ^ (c >>> 16 | c << 16) ^ (d >>> 24 | d << 8);
}

// rounds goes through the rounds of either direction: its table, its last table, and the step from
// one column to the next.
function rounds(keys: Int32Array, table: Int32Array, last: Bytes, step: number, src: Bytes,
  from: number, out: Bytes, to: number): void {
  let s: number[] = [], t: number[] = [], k = 0;
  for (let i = 0; i < 4; i++) s[i] = word(src, from + 4 * i) ^ keys[k++];
  for (let r = 1; r < 14; r++) {
    for (let i = 0; i < 4; i++) {
      t[i] = mixed(table[s[i] >>> 24], table[s[i + step & 3] >> 16 & 0xff],
        table[s[i + 2 & 3] >> 8 & 0xff], table[s[i - step & 3] & 0xff]) ^ keys[k++];
    }
    const swap = s;
    s = t;
    t = swap;
  }
  for (let i = 0; i < 4; i++) {
    const w = keys[k++];
    out[to++] = last[s[i] >>> 24] ^ w >>> 24;
    out[to++] = last[s[i + step & 3] >> 16 & 0xff] ^ w >>> 16;
    out[to++] = last[s[i + 2 & 3] >> 8 & 0xff] ^ w >>> 8;
    out[to++] = last[s[i - step & 3] & 0xff] ^ w;
  }
}

// Aes is the cipher under a key of 32 bytes.
export class Aes {
  #forward = new Int32Array(60);
  #backward: Int32Array | null = null;

  constructor(key: Bytes) {
    const w = this.#forward;
    for (let i = 0; i < 60; i++) {
      if (i < 8) {
        w[i] = word(key, 4 * i);
        continue;
      }
      let t = w[i - 1];
      if (i % 8 === 0) t = substitute(t << 8 | t >>> 24) ^ 1 << 23 + (i >> 3);
      else if (i % 8 === 4) t = substitute(t);
      w[i] = w[i - 8] ^ t;
    }
  }

  // encrypt takes the 16 bytes at src[from] to out[to]; src and out may be the same.
  encrypt(src: Bytes, from: number, out: Bytes, to: number): void {
    rounds(this.#forward, ENCRYPT, SBOX, 1, src, from, out, to);
  }

  decrypt(src: Bytes, from: number, out: Bytes, to: number): void {
    const keys = this.#backward = this.#backward || this.#turn();
    rounds(keys, DECRYPT, UNBOX, -1, src, from, out, to);
  }

  // turn makes the round keys for decryption (section 5.3.5).
  #turn(): Int32Array {
    const w = new Int32Array(60);
    for (let i = 0; i < 60; i++) {
      let x = this.#forward[56 - (i & ~3) + (i & 3)];
      if (i > 3 && i < 56) {
        x = mixed(DECRYPT[SBOX[x >>> 24]], DECRYPT[SBOX[x >> 16 & 0xff]],
          DECRYPT[SBOX[x >> 8 & 0xff]], DECRYPT[SBOX[x & 0xff]]);
      }
      w[i] = x;
    }
    return w;
  }
}

// cbcEncrypt returns the encrypted text, padded by PKCS#7 (RFC 5652 section 6.3).
export function cbcEncrypt(aes: Aes, iv: Bytes, text: Bytes): Bytes {
  const n = text.length, out = new Uint8Array((n >> 4) + 1 << 4);
  out.set(text);
  for (let p = n; p < out.length; p++) out[p] = out.length - n;
  for (let i = 0, before = iv, at = 0; i < out.length; i++) {
    out[i] ^= before[at + i % 16];
    if (i % 16 === 15) {
      aes.encrypt(out, i - 15, out, i - 15);
      before = out;
      at = i - 15;
    }
  }
  return out;
}

// cbcDecrypt returns the decrypted text without its padding, or null if the padding is wrong. text
// must be whole blocks.
export function cbcDecrypt(aes: Aes, iv: Bytes, text: Bytes): Bytes | null {
  const n = text.length, out = new Uint8Array(n);
  for (let i = 0; i < n; i += 16) aes.decrypt(text, i, out, i);
  for (let i = 0; i < n; i++) out[i] ^= i < 16 ? iv[i] : text[i - 16];
  const pad = out[n - 1];
  return pad < 1 || pad > 16 ? null : out.subarray(0, n - pad);
}

function xor(a: number[], b: number[]): number[] {
  return [a[0] ^ b[0], a[1] ^ b[1], a[2] ^ b[2], a[3] ^ b[3]];
}

// Gcm is AES-256-GCM with nonces of 12 bytes and tags of 16.
export class Gcm {
  #aes: Aes;
  #products: number[][] = []; // of H and every polynomial of four bits

  constructor(key: Bytes) {
    const h = new Uint8Array(16), products = this.#products;
    this.#aes = new Aes(key);
    this.#aes.encrypt(h, 0, h, 0);
    products[0] = [0, 0, 0, 0];
    let v = products[8] = [word(h, 0), word(h, 4), word(h, 8), word(h, 12)];
    for (let i = 4; i > 0; i >>= 1) {
      products[i] = v = [v[0] >>> 1 ^ (v[3] & 1 ? POLYNOMIAL : 0), v[1] >>> 1 | v[0] << 31,
        v[2] >>> 1 | v[1] << 31, v[3] >>> 1 | v[2] << 31];
    }
    for (let i = 2; i < 16; i <<= 1) {
      for (let j = 1; j < i; j++) products[i + j] = xor(products[i], products[j]);
    }
  }

  // crypt encrypts or decrypts text: both are the same in counter mode.
  crypt(nonce: Bytes, text: Bytes): Bytes {
    const block = new Uint8Array(16), stream = new Uint8Array(16);
    const out = new Uint8Array(text.length);
    block.set(nonce);
    for (let i = 0, counter = 2; i < text.length; i++) {
      if (i % 16 === 0) {
        for (let j = 0; j < 4; j++) block[12 + j] = counter >>> 24 - 8 * j;
        counter++;
        this.#aes.encrypt(block, 0, stream, 0);
      }
      out[i] = text[i] ^ stream[i % 16];
    }
    return out;
  }

  // tag authenticates the encrypted text and the data in clear that belongs to it.
  tag(nonce: Bytes, clear: Bytes, text: Bytes): Bytes {
    const sum = new Uint8Array(16), lengths = new Uint8Array(16), block = new Uint8Array(16);
    for (let i = 0; i < 5; i++) { // less than 2^40 bits
      lengths[7 - i] = clear.length * 8 / Math.pow(256, i);
      lengths[15 - i] = text.length * 8 / Math.pow(256, i);
    }
    for (const data of [clear, text, lengths]) this.#absorb(sum, data);
    block.set(nonce);
    block[15] = 1;
    this.#aes.encrypt(block, 0, block, 0);
    for (let i = 0; i < 16; i++) sum[i] ^= block[i];
    return sum;
  }

  // absorb multiplies sum by H after adding data, block by block.
  #absorb(sum: Bytes, data: Bytes): void {
    const products = this.#products;
    for (let at = 0; at < data.length; at += 16) {
      for (let i = 0; i < 16 && at + i < data.length; i++) sum[i] ^= data[at + i];
      let a = 0, b = 0, c = 0, d = 0;
      for (let i = 31; i >= 0; i--) {
        const p = products[i & 1 ? sum[i >> 1] & 15 : sum[i >> 1] >> 4], lost = REDUCE[d & 15];
        d = (d >>> 4 | c << 28) ^ p[3];
        c = (c >>> 4 | b << 28) ^ p[2];
        b = (b >>> 4 | a << 28) ^ p[1];
        a = a >>> 4 ^ lost ^ p[0];
      }
      for (let i = 0; i < 16; i++) {
        sum[i] = (i < 4 ? a : i < 8 ? b : i < 12 ? c : d) >>> 24 - 8 * (i & 3);
      }
    }
  }
}
