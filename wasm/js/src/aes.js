// AES-256 (FIPS 197) with GCM (NIST SP 800-38D) and CBC for the js engine. It uses tables, so its
// timing depends on the key, and other programs on the same processor may learn something from it.
// Use the wasm engine or wss: where that matters.

var SBOX = new Uint8Array(256), UNBOX = new Uint8Array(256), ENCRYPT = new Int32Array(256), DECRYPT = new Int32Array(256);
var REDUCE = []; // what four bits shifted out of a GCM field element turn into

function twice(x) { return x << 1 ^ (x & 0x80 ? 0x11b : 0); }

(function () {
  var powers = [], logs = [], x, i;
  for (i = 0, x = 1; i < 255; i++, x ^= twice(x)) { // 3 generates the field
    powers[i] = x;
    logs[x] = i;
  }
  function times(a, b) { return a && powers[(logs[a] + logs[b]) % 255]; }
  for (i = 0; i < 256; i++) {
    x = i && powers[(255 - logs[i]) % 255];
    x ^= x << 1 ^ x << 2 ^ x << 3 ^ x << 4;
    x = (x >> 8 ^ x & 0xff ^ 0x63) & 0xff;
    SBOX[i] = x;
    UNBOX[x] = i;
    ENCRYPT[i] = times(x, 2) << 24 | x << 16 | x << 8 | times(x, 3);
  }
  for (i = 0; i < 256; i++) {
    x = UNBOX[i];
    DECRYPT[i] = times(x, 14) << 24 | times(x, 9) << 16 | times(x, 13) << 8 | times(x, 11);
  }
  for (i = 0; i < 16; i++) {
    x = 0;
    for (var bit = 0, v = i; bit < 4; bit++, v >>= 1) x = x >>> 1 ^ (v & 1 ? 0xe1000000 : 0);
    REDUCE[i] = x;
  }
})();

function word(b, at) { return b[at] << 24 | b[at + 1] << 16 | b[at + 2] << 8 | b[at + 3]; }

function substitute(w) { return SBOX[w >>> 24] << 24 | SBOX[w >> 16 & 0xff] << 16 | SBOX[w >> 8 & 0xff] << 8 | SBOX[w & 0xff]; }

// Aes is the cipher under a key of 32 bytes.
export function Aes(key) {
  var w = this.forward = new Int32Array(60), i, t;
  for (i = 0; i < 60; i++) {
    t = w[i - 1];
    if (i < 8) { w[i] = word(key, 4 * i); continue; }
    if (i % 8 === 0) t = substitute(t << 8 | t >>> 24) ^ 1 << 23 + (i >> 3);
    else if (i % 8 === 4) t = substitute(t);
    w[i] = w[i - 8] ^ t;
  }
  this.backward = null;
}

// The rounds of both directions: table, last table, and the step from one column to the next.
function rounds(keys, table, last, step, src, from, out, to) {
  var s = [], t = [], k = 0, i, r;
  for (i = 0; i < 4; i++) s[i] = word(src, from + 4 * i) ^ keys[k++];
  for (r = 1; r < 14; r++) {
    for (i = 0; i < 4; i++) {
      var b = table[s[i + step & 3] >> 16 & 0xff], c = table[s[i + 2 & 3] >> 8 & 0xff], d = table[s[i - step & 3] & 0xff];
      t[i] = table[s[i] >>> 24] ^ (b >>> 8 | b << 24) ^ (c >>> 16 | c << 16) ^ (d >>> 24 | d << 8) ^ keys[k++];
    }
    var swap = s; s = t; t = swap;
  }
  for (i = 0; i < 4; i++) {
    var w = keys[k++];
    out[to++] = last[s[i] >>> 24] ^ w >>> 24;
    out[to++] = last[s[i + step & 3] >> 16 & 0xff] ^ w >>> 16;
    out[to++] = last[s[i + 2 & 3] >> 8 & 0xff] ^ w >>> 8;
    out[to++] = last[s[i - step & 3] & 0xff] ^ w;
  }
}

// encrypt takes the 16 bytes at src[from] to out[to]; src and out may be the same.
Aes.prototype.encrypt = function (src, from, out, to) { rounds(this.forward, ENCRYPT, SBOX, 1, src, from, out, to); };

Aes.prototype.decrypt = function (src, from, out, to) {
  if (!this.backward) this.turn();
  rounds(this.backward, DECRYPT, UNBOX, -1, src, from, out, to);
};

// turn makes the round keys for decryption (section 5.3.5).
Aes.prototype.turn = function () {
  var w = this.backward = new Int32Array(60);
  for (var i = 0; i < 60; i++) {
    var x = this.forward[56 - (i & ~3) + (i & 3)];
    if (i > 3 && i < 56) {
      var b = DECRYPT[SBOX[x >> 16 & 0xff]], c = DECRYPT[SBOX[x >> 8 & 0xff]], d = DECRYPT[SBOX[x & 0xff]];
      x = DECRYPT[SBOX[x >>> 24]] ^ (b >>> 8 | b << 24) ^ (c >>> 16 | c << 16) ^ (d >>> 24 | d << 8);
    }
    w[i] = x;
  }
};

// cbcEncrypt returns the encrypted text, padded by PKCS#7 (RFC 5652 section 6.3).
export function cbcEncrypt(aes, iv, text) {
  var n = text.length, out = new Uint8Array((n >> 4) + 1 << 4), before = iv, at = 0;
  out.set(text);
  for (var p = n; p < out.length; p++) out[p] = out.length - n;
  for (var i = 0; i < out.length; i++) {
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
export function cbcDecrypt(aes, iv, text) {
  var n = text.length, out = new Uint8Array(n), i;
  for (i = 0; i < n; i += 16) aes.decrypt(text, i, out, i);
  for (i = 0; i < n; i++) out[i] ^= i < 16 ? iv[i] : text[i - 16];
  var pad = out[n - 1];
  return pad < 1 || pad > 16 ? null : out.subarray(0, n - pad);
}

// Gcm is AES-256-GCM with nonces of 12 bytes and tags of 16.
export function Gcm(key) {
  var h = new Uint8Array(16), v, i, j;
  this.aes = new Aes(key);
  this.aes.encrypt(h, 0, h, 0);
  this.products = []; // of H and every polynomial of four bits
  this.products[0] = [0, 0, 0, 0];
  this.products[8] = v = [word(h, 0), word(h, 4), word(h, 8), word(h, 12)];
  for (i = 4; i > 0; i >>= 1) {
    this.products[i] = v = [v[0] >>> 1 ^ (v[3] & 1 ? 0xe1000000 : 0), v[1] >>> 1 | v[0] << 31, v[2] >>> 1 | v[1] << 31, v[3] >>> 1 | v[2] << 31];
  }
  for (i = 2; i < 16; i <<= 1) {
    for (j = 1; j < i; j++) this.products[i + j] = xor(this.products[i], this.products[j]);
  }
}

function xor(a, b) { return [a[0] ^ b[0], a[1] ^ b[1], a[2] ^ b[2], a[3] ^ b[3]]; }

// crypt encrypts or decrypts text: both are the same in counter mode.
Gcm.prototype.crypt = function (nonce, text) {
  var block = new Uint8Array(16), stream = new Uint8Array(16), out = new Uint8Array(text.length), counter = 2;
  block.set(nonce);
  for (var i = 0; i < text.length; i++) {
    if (i % 16 === 0) {
      for (var j = 0; j < 4; j++) block[12 + j] = counter >>> 24 - 8 * j;
      counter++;
      this.aes.encrypt(block, 0, stream, 0);
    }
    out[i] = text[i] ^ stream[i % 16];
  }
  return out;
};

// absorb multiplies sum by H after adding data, block by block.
Gcm.prototype.absorb = function (sum, data) {
  for (var at = 0; at < data.length; at += 16) {
    for (var i = 0; i < 16 && at + i < data.length; i++) sum[i] ^= data[at + i];
    var a = 0, b = 0, c = 0, d = 0;
    for (i = 31; i >= 0; i--) {
      var p = this.products[i & 1 ? sum[i >> 1] & 15 : sum[i >> 1] >> 4], lost = REDUCE[d & 15];
      d = (d >>> 4 | c << 28) ^ p[3];
      c = (c >>> 4 | b << 28) ^ p[2];
      b = (b >>> 4 | a << 28) ^ p[1];
      a = a >>> 4 ^ lost ^ p[0];
    }
    for (i = 0; i < 16; i++) sum[i] = (i < 4 ? a : i < 8 ? b : i < 12 ? c : d) >>> 24 - 8 * (i & 3);
  }
};

// tag authenticates the encrypted text and the data in clear that belongs to it.
Gcm.prototype.tag = function (nonce, clear, text) {
  var sum = new Uint8Array(16), lengths = new Uint8Array(16), block = new Uint8Array(16), i;
  for (i = 0; i < 5; i++) { // less than 2^40 bits
    lengths[7 - i] = clear.length * 8 / Math.pow(256, i);
    lengths[15 - i] = text.length * 8 / Math.pow(256, i);
  }
  this.absorb(sum, clear);
  this.absorb(sum, text);
  this.absorb(sum, lengths);
  block.set(nonce);
  block[15] = 1;
  this.aes.encrypt(block, 0, block, 0);
  for (i = 0; i < 16; i++) sum[i] ^= block[i];
  return sum;
};
