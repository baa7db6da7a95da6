// The numbers and texts within a state's messages: reading them, and writing them for a checksum.

import type { Bytes } from './codec.js';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

// From walks over the bytes of one message. What they do not hold throws.
export class From {
  _at = 0;
  readonly _bytes: Bytes;
  readonly _view: DataView;

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

  // uint reads LEB128 in its shortest form, up to 2 ** 53 - 1.
  _uint(): number {
    const b = this._byte();
    return this.#rest(b & 127, 128, b);
  }

  // int reads the same in zigzag.
  _int(): number {
    const b = this._byte(), n = this.#rest((b & 127) >> 1, 64, b);
    return b & 1 ? -n - 1 : n;
  }

  // count reads how many things follow, each of at least one byte.
  _count(): number {
    const n = this._uint();
    if (n > this._bytes.length - this._at) throw new Error('it is cut short');
    return n;
  }

  // take borrows as many bytes as it says.
  _take(): Bytes {
    const n = this._count(), at = this._skip(n);
    return this._bytes.subarray(at, at + n);
  }

  _text(): string {
    return decoder.decode(this._take());
  }

  // rest goes on with a number that began with n and the byte b.
  #rest(n: number, unit: number, b: number): number {
    for (; b > 127; unit *= 128) {
      b = this._byte();
      n += (b & 127) * unit;
      if (b === 0 || n > Number.MAX_SAFE_INTEGER) {
        throw new Error('a number is too large, or not in its shortest form');
      }
    }
    return n;
  }
}

// To collects bytes.
export class To {
  _out: number[] = [];

  _uint(n: number): void {
    for (; n > 127; n = Math.floor(n / 128)) this._out.push(n % 128 | 128);
    this._out.push(n);
  }

  _int(n: number): void {
    const sign = n < 0 ? 1 : 0, size = sign ? -n - 1 : n, b = size % 64 * 2 + sign;
    if (size < 64) this._out.push(b);
    else {
      this._out.push(b | 128);
      this._uint(Math.floor(size / 64));
    }
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
