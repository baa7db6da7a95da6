// Encryption in the js engine: keys per connection and direction, and the records that they seal.
// It mirrors Go's packages crypto (key.go, record.go) and message (secure.go). It is loaded, with
// its imports, when a connection has a key.

import { Aes, Gcm, cbcDecrypt, cbcEncrypt } from './aes.js';
import { latin1 } from './latin1.js';
import { concat, hmac, sha256, words64 } from './sha256.js';
var SEALED = 15, GCM = 1, TAG = 16, BLOCK = 16;

// expand returns the first block of HKDF-Expand (RFC 5869). No key here needs more.
function expand(secret, info, length) {
  return hmac(secret, info.concat([new Uint8Array([1])])).subarray(0, length);
}

// Half seals or opens the records of one direction.
function Half(secret, algorithm) {
  var key = expand(secret, [latin1('key')], 32);
  this.seq = 0;
  if (algorithm === GCM) {
    this.gcm = new Gcm(key);
    this.iv = expand(secret, [latin1('iv')], 12);
  } else {
    this.aes = new Aes(key);
    this.mac = expand(secret, [latin1('mac')], 32);
    this.ivAes = new Aes(expand(secret, [latin1('ivk')], 32));
  }
}

// nonce returns the iv XOR the counter. Neither is ever sent.
Half.prototype.nonce = function () {
  var counter = words64(new Uint8Array(12), 4, this.seq);
  for (var i = 0; i < counter.length; i++) counter[i] ^= this.iv[i];
  return counter;
};

// tag authenticates a record of CBC: header, counter, IV and text.
Half.prototype.tag = function (head, ivAndText) {
  return hmac(this.mac, [head, words64(new Uint8Array(8), 0, this.seq), ivAndText]).subarray(0, TAG);
};

Half.prototype.seal = function (plain) {
  var head = new Uint8Array([SEALED]), text, parts, iv;
  if (this.gcm) {
    text = this.gcm.crypt(this.nonce(), plain);
    parts = [head, text, this.gcm.tag(this.nonce(), head, text)];
  } else {
    iv = words64(new Uint8Array(BLOCK), 8, this.seq);
    this.ivAes.encrypt(iv, 0, iv, 0);
    text = concat([iv, cbcEncrypt(this.aes, iv, plain)]);
    parts = [head, text, this.tag(head, text)];
  }
  this.seq++;
  return concat(parts);
};

Half.prototype.open = function (record) {
  var n = record.length - TAG, head = record.subarray(0, 1), text, plain;
  if (n < 1 || head[0] !== SEALED) throw unopened();
  text = record.subarray(1, n);
  if (this.gcm) {
    if (!equal(this.gcm.tag(this.nonce(), head, text), record.subarray(n))) throw unopened();
    plain = this.gcm.crypt(this.nonce(), text);
  } else {
    if (text.length < 2 * BLOCK || text.length % BLOCK !== 0 || !equal(this.tag(head, text), record.subarray(n))) throw unopened();
    plain = cbcDecrypt(this.aes, text.subarray(0, BLOCK), text.subarray(BLOCK));
    if (!plain) throw unopened();
  }
  this.seq++;
  return plain;
};

// equal takes the same time for one wrong byte as for sixteen.
function equal(a, b) {
  for (var i = 0, difference = 0; i < TAG; i++) difference |= a[i] ^ b[i];
  return difference === 0;
}

function unopened() {
  var e = new Error('an encrypted message does not open: give both sides the same key, and look for what changes bytes between them');
  e.code = 'ERR_MSG_003';
  return e;
}

// keyId returns a name for the key that reveals nothing about it.
export function keyId(key) {
  return hmac(key, [latin1('smartsocket key id')]).subarray(0, 8);
}

// connect makes a sealed CONNECT of fields: {connect, ends}. Version, random, algorithm and key id
// are in clear; field 5 holds all others, sealed. record is the engine's connectRecord.
export function connect(key, algorithm, fields, hello, serverRandom, record) {
  var none = new Uint8Array(0), clear = record(1, fields.random, algorithm, keyId(key), null);
  var ends = clientEnds(key, algorithm, fields.random, serverRandom, concat([hello, clear]));
  var sealed = ends.seal(record(0, none, 0, none, fields)), n = sealed.length, size = [5];
  for (; n > 127; n >>= 7) size.push(n & 127 | 128);
  size.push(n);
  return { connect: concat([clear, size, sealed]), ends: ends };
}

// clientEnds derives the keys of one connection: {seal(message), open(record), close()}. transcript
// is the part of the handshake that both ends saw in clear.
export function clientEnds(key, algorithm, clientRandom, serverRandom, transcript) {
  var hash = sha256([latin1('smartsocket/1'), transcript]);
  var secret = hmac(concat([clientRandom, serverRandom]), [key]);
  function half(direction) {
    return new Half(expand(secret, [latin1('ss1 ' + direction), new Uint8Array([algorithm]), hash], 32), algorithm);
  }
  var out = half('c2s'), back = half('s2c');
  return {
    seal: function (message) { return out.seal(message); },
    open: function (record) { return back.open(record); },
    close: function () { out = back = null; }
  };
}
