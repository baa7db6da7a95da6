// SHA-256 (FIPS 180-4) and HMAC (RFC 2104) for the js engine, because WebCrypto is missing on http:
// pages and is never synchronous.

var START = [], K = [];

(function () { // the first bits of the fractions of the square and cube roots of the primes
  function fraction(x) { return (x - Math.floor(x)) * 4294967296 | 0; }
  for (var n = 2, found = 0; found < 64; n++) {
    for (var d = 2; n % d; d++);
    if (d < n) continue;
    if (found < 8) START[found] = fraction(Math.pow(n, 1 / 2));
    K[found++] = fraction(Math.pow(n, 1 / 3));
  }
})();

// concat returns the bytes of all parts, one after the other.
export function concat(parts) {
  var n = 0, at = 0, out;
  parts.forEach(function (p) { n += p.length; });
  out = new Uint8Array(n);
  parts.forEach(function (p) { out.set(p, at); at += p.length; });
  return out;
}

// words64 writes n, an integer of at most 53 bits, as 8 bytes, the highest first.
export function words64(out, at, n) {
  for (var i = 7; i >= 0; i--, n = Math.floor(n / 256)) out[at + i] = n % 256;
  return out;
}

// sha256 hashes the bytes of all parts, one after the other.
export function sha256(parts) {
  var text = concat(parts), n = text.length, data = new Uint8Array((n + 72) >> 6 << 6), state = START.slice(), w = new Int32Array(64), i;
  data.set(text);
  data[n] = 0x80;
  words64(data, data.length - 8, n * 8);
  for (var at = 0; at < data.length; at += 64) {
    var a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6], h = state[7];
    for (i = 0; i < 64; i++) {
      if (i < 16) {
        var j = at + 4 * i;
        w[i] = data[j] << 24 | data[j + 1] << 16 | data[j + 2] << 8 | data[j + 3];
      } else {
        var x = w[i - 15], y = w[i - 2];
        w[i] = w[i - 16] + w[i - 7] + ((x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ x >>> 3) + ((y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ y >>> 10);
      }
      var t = h + ((e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7)) + (e & f ^ ~e & g) + K[i] + w[i] | 0;
      var u = ((a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10)) + (a & b ^ a & c ^ b & c) | 0;
      h = g; g = f; f = e; e = d + t | 0; d = c; c = b; b = a; a = t + u | 0;
    }
    [a, b, c, d, e, f, g, h].forEach(function (v, k) { state[k] = state[k] + v | 0; });
  }
  var out = new Uint8Array(32);
  for (i = 0; i < 32; i++) out[i] = state[i >> 2] >>> 24 - 8 * (i & 3);
  return out;
}

// hmac authenticates the bytes of parts with a key of any length.
export function hmac(key, parts) {
  var inner = new Uint8Array(64), outer = new Uint8Array(64), i;
  inner.set(key.length > 64 ? sha256([key]) : key);
  for (i = 0; i < 64; i++) {
    outer[i] = inner[i] ^ 0x5c;
    inner[i] ^= 0x36;
  }
  return sha256([outer, sha256([inner].concat(parts))]);
}
