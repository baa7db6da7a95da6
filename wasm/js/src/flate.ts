// Raw DEFLATE (RFC 1951) for the js engine. inflate reads every form of it. deflate writes one
// block with the fixed codes: the result is a few per cent longer than with codes of its own, but
// the code is short. It is loaded on demand, so it imports nothing.

type Bytes = Uint8Array<ArrayBuffer>;

const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
const END = 256, MAX_BITS = 15, LOOKUP = 9;
// Base values and extra bits of the length and distance codes (section 3.2.5).
const LENGTH_BASE: number[] = [], LENGTH_EXTRA: number[] = [];
const DISTANCE_BASE: number[] = [], DISTANCE_EXTRA: number[] = [];
const FIXED_LITERALS: number[] = [], FIXED_DISTANCES: number[] = [];

(() => {
  for (let i = 0, base = 3; i < 28; base += 1 << LENGTH_EXTRA[i++]) {
    LENGTH_EXTRA[i] = i < 8 ? 0 : (i >> 2) - 1;
    LENGTH_BASE[i] = base;
  }
  LENGTH_BASE[28] = 258;
  LENGTH_EXTRA[28] = 0;
  for (let i = 0, base = 1; i < 30; base += 1 << DISTANCE_EXTRA[i++]) {
    DISTANCE_EXTRA[i] = i < 4 ? 0 : (i >> 1) - 1;
    DISTANCE_BASE[i] = base;
  }
  for (let i = 0; i < 288; i++) FIXED_LITERALS[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
  for (let i = 0; i < 32; i++) FIXED_DISTANCES[i] = 5;
})();

// failure makes an error that the engine converts to a SmartSocketError.
function failure(code: string, message: string): Error {
  const e: Error & { code?: string } = new Error(message);
  e.code = code;
  return e;
}

function corrupt(): Error {
  return failure('ERR_MSG_002',
    'a compressed message cannot be inflated: its payload is not raw DEFLATE (RFC 1951)');
}

function reverse(code: number, length: number): number {
  let r = 0;
  for (; length > 0; length--, code >>= 1) r = r << 1 | code & 1;
  return r;
}

// firstCodes returns, per length, how many codes there are and the first of them (section 3.2.2).
function firstCodes(lengths: number[]): { count: number[]; first: number[] } {
  const count: number[] = [], first: number[] = [];
  for (let i = 0; i <= MAX_BITS; i++) count[i] = 0;
  for (const length of lengths) count[length]++;
  count[0] = 0;
  for (let i = 1, code = 0; i <= MAX_BITS; i++) first[i] = code = code + count[i - 1] << 1;
  return { count, first };
}

// Huffman decodes one code. Short codes are looked up by the next bits; long ones are found by
// counting through the canonical codes.
class Huffman {
  readonly count: number[];
  readonly symbols: Uint16Array;
  readonly lookup = new Uint16Array(1 << LOOKUP); // symbol << 4 | length, 0 = longer or none

  constructor(lengths: number[]) {
    const { count, first: next } = firstCodes(lengths), offset = [0, 0];
    let left = 1, used = 0;
    this.count = count;
    for (let l = 1; l <= MAX_BITS; l++) {
      left = left * 2 - count[l];
      if (left < 0) throw corrupt();
      used += count[l];
      offset[l + 1] = offset[l] + count[l];
    }
    // Only a single code of one bit may be incomplete.
    if (left > 0 && (used > 1 || used === 1 && count[1] !== 1)) throw corrupt();
    this.symbols = new Uint16Array(lengths.length);
    for (let i = 0; i < lengths.length; i++) {
      const l = lengths[i];
      if (l === 0) continue;
      this.symbols[offset[l]++] = i;
      if (l <= LOOKUP) {
        for (let at = reverse(next[l], l); at < 1 << LOOKUP; at += 1 << l) {
          this.lookup[at] = i << 4 | l;
        }
      }
      next[l]++;
    }
  }
}

let fixed: Huffman[] | null = null; // the two fixed codes, made when first needed

class Inflater {
  length = 0;
  out: Bytes;
  #src: Bytes;
  #limit: number;
  #at = 0;
  #bits = 0;
  #ready = 0; // how many of them

  constructor(src: Bytes, limit: number) {
    this.#src = src;
    this.#limit = limit;
    this.out = new Uint8Array(Math.min(limit, src.length * 4));
  }

  // run inflates everything.
  run(): Bytes {
    while (!this.#block());
    this.#align();
    if (this.#at !== this.#src.length) throw corrupt();
    return this.out.subarray(0, this.length);
  }

  // fill makes n ≤ 16 bits ready where src has them.
  #fill(n: number): void {
    for (; this.#ready < n && this.#at < this.#src.length; this.#ready += 8) {
      this.#bits |= this.#src[this.#at++] << this.#ready;
    }
  }

  #drop(n: number): void {
    if (n > this.#ready) throw corrupt();
    this.#bits >>>= n;
    this.#ready -= n;
  }

  #take(n: number): number {
    this.#fill(n);
    const v = this.#bits & (1 << n) - 1;
    this.#drop(n);
    return v;
  }

  // align moves on to the next whole byte of src.
  #align(): void {
    this.#at -= this.#ready >> 3;
    this.#bits = this.#ready = 0;
  }

  #symbol(h: Huffman): number {
    this.#fill(MAX_BITS);
    const found = h.lookup[this.#bits & (1 << LOOKUP) - 1];
    if (found) {
      this.#drop(found & 15);
      return found >> 4;
    }
    for (let l = 1, code = 0, first = 0, index = 0; l <= MAX_BITS; l++) {
      code |= this.#bits >> l - 1 & 1;
      if (code - first < h.count[l]) {
        this.#drop(l);
        return h.symbols[index + code - first];
      }
      index += h.count[l];
      first = first + h.count[l] << 1;
      code <<= 1;
    }
    throw corrupt();
  }

  // room makes sure that n more bytes fit.
  #room(n: number): void {
    const need = this.length + n, old = this.out, limit = this.#limit;
    if (need > limit) {
      throw failure('ERR_MSG_004', `a compressed message inflates to more than ${limit} bytes; ` +
        'raise maxMessageBytes on the server');
    }
    if (need <= old.length) return;
    this.out = new Uint8Array(Math.min(limit, Math.max(need, old.length * 2, 256)));
    this.out.set(old);
  }

  #block(): number {
    const final = this.#take(1), kind = this.#take(2);
    if (kind === 0) this.#stored();
    else if (kind === 1) {
      this.#compressed(fixed ||= [new Huffman(FIXED_LITERALS), new Huffman(FIXED_DISTANCES)]);
    } else if (kind === 2) this.#compressed(this.#readCodes());
    else throw corrupt();
    return final;
  }

  #stored(): void {
    this.#align();
    const n = this.#take(16), check = this.#take(16);
    this.#align();
    if ((n ^ check) !== 0xffff) throw corrupt();
    const have = Math.min(n, this.#src.length - this.#at);
    this.#room(have);
    if (have < n) throw corrupt();
    this.out.set(this.#src.subarray(this.#at, this.#at + n), this.length);
    this.#at += n;
    this.length += n;
  }

  // readCodes reads the codes of a block (section 3.2.7).
  #readCodes(): Huffman[] {
    const literals = this.#take(5) + 257, distances = this.#take(5) + 1, n = this.#take(4) + 4;
    const order: number[] = [], lengths: number[] = [];
    if (literals > 286 || distances > 30) throw corrupt();
    for (let i = 0; i < 19; i++) order[i] = 0;
    for (let i = 0; i < n; i++) order[ORDER[i]] = this.#take(3);
    const h = new Huffman(order);
    while (lengths.length < literals + distances) {
      const s = this.#symbol(h);
      let value = s < 16 ? s : 0, times = 1;
      if (s === 16) {
        if (lengths.length === 0) throw corrupt();
        value = lengths[lengths.length - 1];
        times = 3 + this.#take(2);
      } else if (s === 17) times = 3 + this.#take(3);
      else if (s === 18) times = 11 + this.#take(7);
      if (lengths.length + times > literals + distances) throw corrupt();
      while (times-- > 0) lengths.push(value);
    }
    return [new Huffman(lengths.slice(0, literals)), new Huffman(lengths.slice(literals))];
  }

  #compressed(codes: Huffman[]): void {
    for (;;) {
      let s = this.#symbol(codes[0]);
      if (s < END) {
        this.#room(1);
        this.out[this.length++] = s;
        continue;
      }
      if (s === END) return;
      if (s > 285) throw corrupt();
      let length = LENGTH_BASE[s - END - 1] + this.#take(LENGTH_EXTRA[s - END - 1]);
      s = this.#symbol(codes[1]);
      if (s > 29) throw corrupt();
      let from = this.length - DISTANCE_BASE[s] - this.#take(DISTANCE_EXTRA[s]);
      if (from < 0) throw corrupt();
      this.#room(length);
      while (length-- > 0) this.out[this.length++] = this.out[from++];
    }
  }
}

// inflate returns the decompressed form of src, at most limit bytes of it.
export function inflate(src: Bytes, limit: number): Bytes {
  return new Inflater(src, limit).run();
}

const HASH_BITS = 13, WINDOW = 32768, MIN_MATCH = 4, MAX_MATCH = 258, TRIES = 24;
const MAGIC = [
  [0x1f, 0x8b], [0x89, 0x50, 0x4e, 0x47], [0xff, 0xd8, 0xff], [0x47, 0x49, 0x46, 0x38],
  [0x50, 0x4b, 3, 4], [0x28, 0xb5, 0x2f, 0xfd], [0x4f, 0x67, 0x67, 0x53], [0x52, 0x49, 0x46, 0x46],
];

// looksCompressed recognises formats that are compressed already by their first bytes. DEFLATE
// would only make them longer.
function looksCompressed(src: Bytes): boolean {
  return MAGIC.some((magic) => magic.every((b, i) => src[i] === b));
}

// What a server lets a message inflate to: a number of bytes, or a multiple of its size.
const INFLATE_FREE = 64 << 10, MAX_RATIO = 32;

// Deflater writes one block with the fixed codes.
class Deflater {
  #src: Bytes;
  #out: Bytes;
  #at = 0;
  #acc = 0;
  #bits = 0;
  // Position + 1 of the last, and the one before, of a hash.
  #head = new Int32Array(1 << HASH_BITS);
  #prev: Int32Array;
  #codes = firstCodes(FIXED_LITERALS).first;

  constructor(src: Bytes) {
    this.#src = src;
    this.#out = new Uint8Array(src.length);
    this.#prev = new Int32Array(Math.min(src.length, WINDOW));
  }

  // run returns what deflate does.
  run(): Bytes | null {
    const src = this.#src, n = src.length;
    this.#put(3, 3); // the final block, fixed codes
    for (let i = 0; i < n && this.#at < n;) {
      const match = i + MIN_MATCH <= n ? this.#longest(i) : null;
      if (!match || match.length < MIN_MATCH) {
        this.#putSymbol(src[i++]);
        continue;
      }
      this.#putMatch(match.length, match.distance);
      for (const end = i + match.length; ++i < end;) if (i + MIN_MATCH <= n) this.#remember(i);
    }
    this.#putSymbol(END);
    this.#put(0, 7);
    const at = this.#at;
    return at < n && n <= Math.max(INFLATE_FREE, MAX_RATIO * at) ? this.#out.subarray(0, at) : null;
  }

  // longest finds the longest match for what follows at i.
  #longest(i: number): { length: number; distance: number } {
    const src = this.#src, most = Math.min(MAX_MATCH, src.length - i);
    let best = 0, distance = 0, candidate = this.#remember(i);
    for (let tries = TRIES; candidate > 0 && i - (candidate - 1) <= WINDOW && tries > 0; tries--) {
      const from = candidate - 1;
      let length = 0;
      if (src[from + best] === src[i + best]) {
        while (length < most && src[from + length] === src[i + length]) length++;
      }
      if (length > best) {
        best = length;
        distance = i - from;
        if (best === most) break;
      }
      const next = this.#prev[from % WINDOW];
      candidate = next < candidate ? next : 0; // a place that was overwritten would lead forward
    }
    return { length: best, distance };
  }

  // remember enters position i into its chain and returns the one before it.
  #remember(i: number): number {
    const src = this.#src, word = src[i] | src[i + 1] << 8 | src[i + 2] << 16 | src[i + 3] << 24;
    const hash = Math.imul(word, 0x9e3779b1) >>> 32 - HASH_BITS, before = this.#head[hash];
    this.#prev[i % WINDOW] = before;
    this.#head[hash] = i + 1;
    return before;
  }

  #put(value: number, count: number): void {
    this.#acc |= value << this.#bits; // at most 7 + 13 bits
    // Bytes that do not fit are dropped, which the end notices.
    for (this.#bits += count; this.#bits > 7; this.#bits -= 8, this.#acc >>>= 8) {
      this.#out[this.#at++] = this.#acc;
    }
  }

  #putSymbol(s: number): void { // the fixed codes of one length form two runs
    const l = FIXED_LITERALS[s];
    const nth = l === 9 ? s - 144 : l === 7 ? s - END : s < 144 ? s : s - 280 + 144;
    this.#put(reverse(this.#codes[l] + nth, l), l);
  }

  #putMatch(length: number, distance: number): void {
    let c = 28;
    while (LENGTH_BASE[c] > length) c--;
    this.#putSymbol(END + 1 + c);
    this.#put(length - LENGTH_BASE[c], LENGTH_EXTRA[c]);
    for (c = 29; DISTANCE_BASE[c] > distance; c--);
    this.#put(reverse(c, 5), 5);
    this.#put(distance - DISTANCE_BASE[c], DISTANCE_EXTRA[c]);
  }
}

// deflate returns the compressed form of src, or null if that is not shorter, or so much shorter
// that a server would refuse it.
export function deflate(src: Bytes): Bytes | null {
  return looksCompressed(src) ? null : new Deflater(src).run();
}
