// Short texts and messages, for which a call into the browser costs more than the bytes do.

import type { Bytes } from './codec.js';

export const SHORT = 256; // the most bytes of a short text
const NAMES = 64;
const rows: number[][] = []; // one array of each length, to be used again

function newRow(n: number): number[] {
  const row: number[] = [];
  while (row.length < n) row.push(0);
  return rows[n] = row;
}

// ascii decodes n bytes from bytes[at] on. It returns null if they are too many or not ASCII.
// JSON.parse is also faster with these strings than with those of a TextDecoder.
export function ascii(bytes: Bytes, at: number, n: number): string | null {
  if (n > SHORT) return null;
  const row = rows[n] || newRow(n);
  let all = 0;
  for (let i = 0; i < n; i++) {
    const b = bytes[at + i];
    row[i] = b;
    all |= b;
  }
  return all < 128 ? String.fromCharCode.apply(null, row) : null;
}

// putAscii writes s at address at and reports whether it is short and ASCII. If not, the bytes
// there are not valid.
export function putAscii(bytes: Bytes, at: number, s: string): boolean {
  if (s.length > SHORT) return false;
  let all = 0;
  for (let i = 0; i < s.length; i++) {
    const c = s.charCodeAt(i);
    bytes[at + i] = c;
    all |= c;
  }
  return all < 128;
}

function slotOf(bytes: Bytes, at: number, n: number): number {
  return (n + bytes[at] * 5 + bytes[at + n - 1] * 3) % NAMES;
}

// Names remembers decoded event names, because applications use few. It keeps only names in ASCII,
// which have as many characters as bytes.
export class Names {
  #known: string[] = [];

  // recall returns the name in the n bytes from bytes[at] on, or undefined if it does not know it.
  recall(bytes: Bytes, at: number, n: number): string | undefined {
    const name = this.#known[slotOf(bytes, at, n)];
    if (!name || name.length !== n) return undefined;
    let i = 0;
    while (i < n && name.charCodeAt(i) === bytes[at + i]) i++;
    return i === n ? name : undefined;
  }

  keep(bytes: Bytes, at: number, n: number, name: string): void {
    if (name.length === n) this.#known[slotOf(bytes, at, n)] = name;
  }
}
