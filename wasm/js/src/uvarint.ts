// Numbers in messages: LEB128, of at most 64 bits, in two halves of 32.

import { invalidFormat } from './errors.js';
import type { Bytes } from './codec.js';
import { TWO_32 } from './wire.js';

// Reader walks over the bytes of one message.
export class Reader {
  _at = 0;
  _low = 0;
  _high = 0;
  readonly _bytes: Bytes;

  constructor(bytes: Bytes) {
    this._bytes = bytes;
  }

  // uvarint reads a number in its shortest form into low and high.
  _uvarint(): number {
    let low = 0, high = 0;
    for (let i = 0; i < 10; i++) {
      if (this._at >= this._bytes.length) throw invalidFormat('a message is cut short');
      const b = this._bytes[this._at++];
      if (i < 4) {
        low = (low | (b & 0x7f) << 7 * i) >>> 0;
      } else if (i === 4) {
        low = (low | (b & 0x0f) << 28) >>> 0;
        high = (b & 0x7f) >>> 4;
      } else if (i < 9) {
        high = (high | (b & 0x7f) << 7 * i - 32) >>> 0;
      } else {
        if (b > 1) break;
        high = (high | b << 31) >>> 0;
      }
      if (b < 0x80) {
        if (b === 0 && i > 0) throw invalidFormat('a number is not in its shortest form');
        this._low = low;
        this._high = high;
        return high * TWO_32 + low;
      }
    }
    throw invalidFormat('a number exceeds 64 bits');
  }

  // take borrows the next n bytes.
  _take(n: number): Bytes {
    if (n > this._bytes.length - this._at) throw invalidFormat('a message is cut short');
    this._at += n;
    return this._bytes.subarray(this._at - n, this._at);
  }
}

export function uvarintLength(low: number, high: number): number {
  let n = 1;
  while (high > 0 || low > 0x7f) {
    low = (low >>> 7 | high << 25) >>> 0;
    high >>>= 7;
    n++;
  }
  return n;
}

// putUvarint writes a number at out[at] and returns where it ends.
export function putUvarint(out: Bytes | number[], at: number, low: number, high: number): number {
  while (high > 0 || low > 0x7f) {
    out[at++] = low & 0x7f | 0x80;
    low = (low >>> 7 | high << 25) >>> 0;
    high >>>= 7;
  }
  out[at++] = low;
  return at;
}

export function numberBytes(n: number): number[] {
  const out: number[] = [];
  putUvarint(out, 0, n % TWO_32, Math.floor(n / TWO_32));
  return out;
}
