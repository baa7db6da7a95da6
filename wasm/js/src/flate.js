// Raw DEFLATE (RFC 1951) for the js engine. inflate reads every form of it. deflate writes one
// block with the fixed codes: the result is a few per cent longer than with codes of its own, but
// the code is short. It is loaded on demand, so it imports nothing.

var ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
var END = 256, MAX_BITS = 15, LOOKUP = 9;
// Base values and extra bits of the length and distance codes (section 3.2.5).
var LENGTH_BASE = [], LENGTH_EXTRA = [], DISTANCE_BASE = [], DISTANCE_EXTRA = [];
var FIXED_LITERALS = [], FIXED_DISTANCES = [];

(function () {
  var i, base, extra;
  for (i = 0, base = 3; i < 28; i++, base += 1 << extra) {
    LENGTH_EXTRA[i] = extra = i < 8 ? 0 : (i >> 2) - 1;
    LENGTH_BASE[i] = base;
  }
  LENGTH_BASE[28] = 258;
  LENGTH_EXTRA[28] = 0;
  for (i = 0, base = 1; i < 30; i++, base += 1 << extra) {
    DISTANCE_EXTRA[i] = extra = i < 4 ? 0 : (i >> 1) - 1;
    DISTANCE_BASE[i] = base;
  }
  for (i = 0; i < 288; i++) FIXED_LITERALS[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
  for (i = 0; i < 32; i++) FIXED_DISTANCES[i] = 5;
})();

// failure makes an error that the engine converts to a SmartSocketError.
function failure(code, message) {
  var e = new Error(message);
  e.code = code;
  return e;
}

function corrupt() {
  return failure('ERR_MSG_002', 'a compressed message cannot be inflated: its payload is not raw DEFLATE (RFC 1951)');
}

function reverse(code, length) {
  for (var r = 0; length > 0; length--, code >>= 1) r = r << 1 | code & 1;
  return r;
}

// firstCodes returns, per length, how many codes there are and the first of them (section 3.2.2).
function firstCodes(lengths) {
  var count = [], first = [], code = 0, i;
  for (i = 0; i <= MAX_BITS; i++) count[i] = 0;
  for (i = 0; i < lengths.length; i++) count[lengths[i]]++;
  count[0] = 0;
  for (i = 1; i <= MAX_BITS; i++) first[i] = code = code + count[i - 1] << 1;
  return { count: count, first: first };
}

// Huffman decodes one code. Short codes are looked up by the next bits; long ones are found by
// counting through the canonical codes.
function Huffman(lengths) {
  var codes = firstCodes(lengths), next = codes.first.slice(), offset = [0, 0], left = 1, used = 0, i, l, at;
  this.count = codes.count;
  for (l = 1; l <= MAX_BITS; l++) {
    left = left * 2 - this.count[l];
    if (left < 0) throw corrupt();
    used += this.count[l];
    offset[l + 1] = offset[l] + this.count[l];
  }
  // Only a single code of one bit may be incomplete.
  if (left > 0 && (used > 1 || used === 1 && this.count[1] !== 1)) throw corrupt();
  this.symbols = new Uint16Array(lengths.length);
  this.lookup = new Uint16Array(1 << LOOKUP); // symbol << 4 | length, 0 = longer or none
  for (i = 0; i < lengths.length; i++) {
    l = lengths[i];
    if (l === 0) continue;
    this.symbols[offset[l]++] = i;
    if (l <= LOOKUP) for (at = reverse(next[l], l); at < 1 << LOOKUP; at += 1 << l) this.lookup[at] = i << 4 | l;
    next[l]++;
  }
}

var fixed = null; // the two fixed codes, made when first needed

function Inflater(src, limit) {
  this.src = src;
  this.at = 0;
  this.bits = 0;
  this.ready = 0; // bits in this.bits
  this.limit = limit;
  this.out = new Uint8Array(Math.min(limit, src.length * 4));
  this.length = 0;
}

// fill makes n ≤ 16 bits ready where src has them.
Inflater.prototype.fill = function (n) {
  for (; this.ready < n && this.at < this.src.length; this.ready += 8) this.bits |= this.src[this.at++] << this.ready;
};

Inflater.prototype.drop = function (n) {
  if (n > this.ready) throw corrupt();
  this.bits >>>= n;
  this.ready -= n;
};

Inflater.prototype.take = function (n) {
  this.fill(n);
  var v = this.bits & (1 << n) - 1;
  this.drop(n);
  return v;
};

// align moves on to the next whole byte of src.
Inflater.prototype.align = function () {
  this.at -= this.ready >> 3;
  this.bits = this.ready = 0;
};

Inflater.prototype.symbol = function (h) {
  this.fill(MAX_BITS);
  var found = h.lookup[this.bits & (1 << LOOKUP) - 1], code = 0, first = 0, index = 0;
  if (found) {
    this.drop(found & 15);
    return found >> 4;
  }
  for (var l = 1; l <= MAX_BITS; l++) {
    code |= this.bits >> l - 1 & 1;
    if (code - first < h.count[l]) {
      this.drop(l);
      return h.symbols[index + code - first];
    }
    index += h.count[l];
    first = first + h.count[l] << 1;
    code <<= 1;
  }
  throw corrupt();
};

// room makes sure that n more bytes fit.
Inflater.prototype.room = function (n) {
  var need = this.length + n, old = this.out;
  if (need > this.limit) throw failure('ERR_MSG_004', 'a compressed message inflates to more than ' + this.limit + ' bytes; raise maxMessageBytes on the server');
  if (need <= old.length) return;
  this.out = new Uint8Array(Math.min(this.limit, Math.max(need, old.length * 2, 256)));
  this.out.set(old);
};

Inflater.prototype.block = function () {
  var final = this.take(1), kind = this.take(2), codes;
  if (kind === 0) this.stored();
  else if (kind === 1) this.compressed(fixed || (fixed = [new Huffman(FIXED_LITERALS), new Huffman(FIXED_DISTANCES)]));
  else if (kind === 2) this.compressed(codes = this.readCodes());
  else throw corrupt();
  return final;
};

Inflater.prototype.stored = function () {
  this.align();
  var n = this.take(16), check = this.take(16);
  this.align();
  if ((n ^ check) !== 0xffff) throw corrupt();
  var have = Math.min(n, this.src.length - this.at);
  this.room(have);
  if (have < n) throw corrupt();
  this.out.set(this.src.subarray(this.at, this.at + n), this.length);
  this.at += n;
  this.length += n;
};

// readCodes reads the codes of a block (section 3.2.7).
Inflater.prototype.readCodes = function () {
  var literals = this.take(5) + 257, distances = this.take(5) + 1, n = this.take(4) + 4, order = [], lengths = [], i, s, value, times;
  if (literals > 286 || distances > 30) throw corrupt();
  for (i = 0; i < 19; i++) order[i] = 0;
  for (i = 0; i < n; i++) order[ORDER[i]] = this.take(3);
  var h = new Huffman(order);
  while (lengths.length < literals + distances) {
    s = this.symbol(h);
    value = s < 16 ? s : 0;
    times = 1;
    if (s === 16) {
      if (lengths.length === 0) throw corrupt();
      value = lengths[lengths.length - 1];
      times = 3 + this.take(2);
    } else if (s === 17) times = 3 + this.take(3);
    else if (s === 18) times = 11 + this.take(7);
    if (lengths.length + times > literals + distances) throw corrupt();
    while (times-- > 0) lengths.push(value);
  }
  return [new Huffman(lengths.slice(0, literals)), new Huffman(lengths.slice(literals))];
};

Inflater.prototype.compressed = function (codes) {
  for (;;) {
    var s = this.symbol(codes[0]);
    if (s < END) {
      this.room(1);
      this.out[this.length++] = s;
      continue;
    }
    if (s === END) return;
    if (s > 285) throw corrupt();
    var length = LENGTH_BASE[s - END - 1] + this.take(LENGTH_EXTRA[s - END - 1]);
    s = this.symbol(codes[1]);
    if (s > 29) throw corrupt();
    var from = this.length - DISTANCE_BASE[s] - this.take(DISTANCE_EXTRA[s]);
    if (from < 0) throw corrupt();
    this.room(length);
    while (length-- > 0) this.out[this.length++] = this.out[from++];
  }
};

// inflate returns the decompressed form of src, at most limit bytes of it.
export function inflate(src, limit) {
  var z = new Inflater(src, limit);
  while (!z.block());
  z.align();
  if (z.at !== src.length) throw corrupt();
  return z.out.subarray(0, z.length);
}

var HASH_BITS = 13, WINDOW = 32768, MIN_MATCH = 4, MAX_MATCH = 258, TRIES = 24;
var MAGIC = [[0x1f, 0x8b], [0x89, 0x50, 0x4e, 0x47], [0xff, 0xd8, 0xff], [0x47, 0x49, 0x46, 0x38], [0x50, 0x4b, 3, 4], [0x28, 0xb5, 0x2f, 0xfd], [0x4f, 0x67, 0x67, 0x53], [0x52, 0x49, 0x46, 0x46]];

// looksCompressed recognises formats that are compressed already by their first bytes. DEFLATE
// would only make them longer.
function looksCompressed(src) {
  return MAGIC.some(function (magic) {
    return magic.every(function (b, i) { return src[i] === b; });
  });
}

// What a server lets a message inflate to: a number of bytes, or a multiple of its size.
var INFLATE_FREE = 64 << 10, MAX_RATIO = 32;

// deflate returns the compressed form of src, or null if that is not shorter, or so much shorter
// that a server would refuse it.
export function deflate(src) {
  if (looksCompressed(src)) return null;
  var n = src.length, out = new Uint8Array(n), at = 0, acc = 0, bits = 0;
  // Position + 1 of the last, and the one before, of a hash.
  var head = new Int32Array(1 << HASH_BITS), prev = new Int32Array(Math.min(n, WINDOW));
  var codes = firstCodes(FIXED_LITERALS).first;

  function put(value, count) {
    acc |= value << bits; // at most 7 + 13 bits
    // Bytes that do not fit are dropped, which the end notices.
    for (bits += count; bits > 7; bits -= 8, acc >>>= 8) out[at++] = acc;
  }
  function putSymbol(s) { // the fixed codes of one length form two runs
    var l = FIXED_LITERALS[s];
    put(reverse(codes[l] + (l === 9 ? s - 144 : l === 7 ? s - END : s < 144 ? s : s - 280 + 144), l), l);
  }
  function putMatch(length, distance) {
    var c = 28;
    while (LENGTH_BASE[c] > length) c--;
    putSymbol(END + 1 + c);
    put(length - LENGTH_BASE[c], LENGTH_EXTRA[c]);
    for (c = 29; DISTANCE_BASE[c] > distance; c--);
    put(reverse(c, 5), 5);
    put(distance - DISTANCE_BASE[c], DISTANCE_EXTRA[c]);
  }
  // remember enters position i into its chain and returns the one before it.
  function remember(i) {
    var hash = Math.imul(src[i] | src[i + 1] << 8 | src[i + 2] << 16 | src[i + 3] << 24, 0x9e3779b1) >>> 32 - HASH_BITS;
    var before = head[hash];
    prev[i % WINDOW] = before;
    head[hash] = i + 1;
    return before;
  }

  put(3, 3); // the final block, fixed codes
  for (var i = 0; i < n && at < n;) {
    var best = 0, distance = 0;
    if (i + MIN_MATCH <= n) {
      var most = Math.min(MAX_MATCH, n - i), candidate = remember(i);
      for (var tries = TRIES; candidate > 0 && i - (candidate - 1) <= WINDOW && tries > 0; tries--) {
        var from = candidate - 1, length = 0;
        if (src[from + best] === src[i + best]) {
          while (length < most && src[from + length] === src[i + length]) length++;
        }
        if (length > best) {
          best = length;
          distance = i - from;
          if (best === most) break;
        }
        var next = prev[from % WINDOW];
        candidate = next < candidate ? next : 0; // a place that was overwritten would lead forward
      }
    }
    if (best < MIN_MATCH) {
      putSymbol(src[i++]);
      continue;
    }
    putMatch(best, distance);
    for (var end = i + best; ++i < end;) if (i + MIN_MATCH <= n) remember(i);
  }
  putSymbol(END);
  put(0, 7);
  return at < n && n <= Math.max(INFLATE_FREE, MAX_RATIO * at) ? out.subarray(0, at) : null;
}
