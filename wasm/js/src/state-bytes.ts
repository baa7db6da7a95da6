// The numbers and texts within a state's messages: reading them, and writing them for a checksum.

import type { Bytes } from './codec.js';
import { ascii } from './short.js';
import { TWO_32 } from './wire.js';

/** Whole is an integer: a bigint if JavaScript's numbers do not hold it exactly. */
export type Whole = number | bigint;

const EXACT = TWO_32 / 2048; // the upper half of the first number that is not exact

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

// whole joins two halves of 32 bits.
function whole(low: number, high: number): Whole {
  return high < EXACT ? high * TWO_32 + low : BigInt(high) * BigInt(TWO_32) + BigInt(low);
}

// From walks over the bytes of one message. What they do not hold throws.
export class From {
  _at = 0;
  readonly _bytes: Bytes;
  readonly _view: DataView;
  #low = 0;
  #high = 0;

  constructor(bytes: Bytes) {
    this._bytes = bytes;
    this._view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  // skip goes on by n bytes and returns where they begin.
  _skip(n: number): number {
    const at = this._at;
    if (n > this._bytes.length - at) throw new Error('it is cut short');
    this._at += n;
    return at;
  }

  _byte(): number {
    return this._bytes[this._skip(1)];
  }

  _uint(): Whole {
    this.#halves();
    return whole(this.#low, this.#high);
  }

  _int(): Whole {
    this.#halves();
    const negative = this.#low & 1;
    const n = whole((this.#low >>> 1 | this.#high << 31) >>> 0, this.#high >>> 1);
    if (!negative) return n;
    return typeof n === 'number' ? -n - 1 : -n - BigInt(1);
  }

  // number reads a number that JavaScript holds exactly.
  _number(): number {
    const n = this._uint();
    if (typeof n !== 'number') throw new Error('a number is too large');
    return n;
  }

  // count reads how many things follow, each of at least one byte.
  _count(): number {
    const n = this._number();
    if (n > this._bytes.length - this._at) throw new Error('it is cut short');
    return n;
  }

  // take copies as many bytes as it says.
  _take(): Bytes {
    const n = this._count(), at = this._skip(n);
    return this._bytes.slice(at, at + n);
  }

  _text(): string {
    const n = this._count(), at = this._skip(n), short = ascii(this._bytes, at, n);
    return short === null ? decoder.decode(this._bytes.subarray(at, at + n)) : short;
  }

  // halves reads LEB128 of at most 64 bits, in its shortest form.
  #halves(): void {
    let low = 0, high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const b = this._byte(), bits = b & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << shift - 32;
      if (shift === 63 && b > 1 || b === 0 && shift > 0) break;
      if (b < 0x80) {
        this.#low = low >>> 0;
        this.#high = high >>> 0;
        return;
      }
    }
    throw new Error('a number is not in its shortest form, or has more than 64 bits');
  }
}

// To collects bytes.
export class To {
  _out: number[] = [];

  _uint(n: Whole): void {
    this.#put(n, 0, 1);
  }

  _int(n: Whole): void {
    const negative = n < 0;
    if (!negative) this.#put(n, 0, 2);
    else this.#put(typeof n === 'number' ? -n - 1 : -n - BigInt(1), 1, 2);
  }

  _bytes(bytes: ArrayLike<number>): void {
    this._uint(bytes.length);
    for (let i = 0; i < bytes.length; i++) this._out.push(bytes[i]);
  }

  _text(s: string): void {
    this._bytes(encoder.encode(s));
  }

  // float writes n in 4 or 8 bytes.
  _float(n: number, size: number): void {
    const view = new DataView(new ArrayBuffer(size));
    if (size === 4) view.setFloat32(0, n, true);
    else view.setFloat64(0, n, true);
    for (let i = 0; i < size; i++) this._out.push(view.getUint8(i));
  }

  // put writes n * times + plus; times is 1 or 2.
  #put(n: Whole, plus: number, times: number): void {
    let low: number, high: number;
    if (typeof n === 'number') {
      low = n % TWO_32;
      high = Math.floor(n / TWO_32);
    } else {
      low = Number(n % BigInt(TWO_32));
      high = Number(n / BigInt(TWO_32));
    }
    if (times === 2) {
      high = (high << 1 | low >>> 31) >>> 0;
      low = (low << 1 | plus) >>> 0;
    }
    while (high > 0 || low > 0x7f) {
      this._out.push(low & 0x7f | 0x80);
      low = (low >>> 7 | high << 25) >>> 0;
      high >>>= 7;
    }
    this._out.push(low);
  }
}

// crc is CRC-32 (IEEE).
export function crc(bytes: number[]): number {
  let sum = -1;
  for (const b of bytes) {
    sum ^= b;
    for (let bit = 0; bit < 8; bit++) sum = sum >>> 1 ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return ~sum >>> 0;
}
