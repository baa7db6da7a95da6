// Encryption in the js engine: keys per connection and direction, and the records that they seal.
// It mirrors Go's packages crypto (key.go, record.go) and message (secure.go). It is loaded, with
// its imports, when a connection has a key.

import { Aes, Gcm, cbcDecrypt, cbcEncrypt } from './aes.js';
import type { Bytes, ConnectFields, Ends, SealedConnect } from './codec.js';
import { latin1 } from './latin1.js';
import { concat, hmac, sha256, words64 } from './sha256.js';

const SEALED = 15, GCM = 1, TAG = 16, BLOCK = 16;

// expand returns the first block of HKDF-Expand (RFC 5869). No key here needs more.
function expand(secret: Bytes, info: Bytes[], length: number): Bytes {
  return hmac(secret, info.concat([new Uint8Array([1])])).subarray(0, length);
}

// Half seals or opens the records of one direction.
interface Half {
  seal(plain: Bytes): Bytes;
  open(record: Bytes): Bytes;
}

class GcmHalf implements Half {
  #seq = 0;
  #gcm: Gcm;
  #iv: Bytes;

  constructor(secret: Bytes) {
    this.#gcm = new Gcm(expand(secret, [latin1('key')], 32));
    this.#iv = expand(secret, [latin1('iv')], 12);
  }

  seal(plain: Bytes): Bytes {
    const head = new Uint8Array([SEALED]), text = this.#gcm.crypt(this.#nonce(), plain);
    const tag = this.#gcm.tag(this.#nonce(), head, text);
    this.#seq++;
    return concat([head, text, tag]);
  }

  open(record: Bytes): Bytes {
    const { head, text, tag } = split(record);
    if (!equal(this.#gcm.tag(this.#nonce(), head, text), tag)) throw unopened();
    const plain = this.#gcm.crypt(this.#nonce(), text);
    this.#seq++;
    return plain;
  }

  // nonce returns the iv XOR the counter. Neither is ever sent.
  #nonce(): Bytes {
    const counter = words64(new Uint8Array(12), 4, this.#seq);
    for (let i = 0; i < counter.length; i++) counter[i] ^= this.#iv[i];
    return counter;
  }
}

class CbcHalf implements Half {
  #seq = 0;
  #aes: Aes;
  #mac: Bytes;
  #ivAes: Aes;

  constructor(secret: Bytes) {
    this.#aes = new Aes(expand(secret, [latin1('key')], 32));
    this.#mac = expand(secret, [latin1('mac')], 32);
    this.#ivAes = new Aes(expand(secret, [latin1('ivk')], 32));
  }

  seal(plain: Bytes): Bytes {
    const head = new Uint8Array([SEALED]), iv = words64(new Uint8Array(BLOCK), 8, this.#seq);
    this.#ivAes.encrypt(iv, 0, iv, 0);
    const text = concat([iv, cbcEncrypt(this.#aes, iv, plain)]), tag = this.#tag(head, text);
    this.#seq++;
    return concat([head, text, tag]);
  }

  open(record: Bytes): Bytes {
    const { head, text, tag } = split(record), n = text.length;
    if (n < 2 * BLOCK || n % BLOCK !== 0 || !equal(this.#tag(head, text), tag)) throw unopened();
    const plain = cbcDecrypt(this.#aes, text.subarray(0, BLOCK), text.subarray(BLOCK));
    if (!plain) throw unopened();
    this.#seq++;
    return plain;
  }

  // tag authenticates a record: header, counter, IV and text.
  #tag(head: Bytes, ivAndText: Bytes): Bytes {
    const counter = words64(new Uint8Array(8), 0, this.#seq);
    return hmac(this.#mac, [head, counter, ivAndText]).subarray(0, TAG);
  }
}

function split(record: Bytes): { head: Bytes; text: Bytes; tag: Bytes } {
  const n = record.length - TAG;
  if (n < 1 || record[0] !== SEALED) throw unopened();
  return { head: record.subarray(0, 1), text: record.subarray(1, n), tag: record.subarray(n) };
}

// equal takes the same time for one wrong byte as for sixteen.
function equal(a: Bytes, b: Bytes): boolean {
  let difference = 0;
  for (let i = 0; i < TAG; i++) difference |= a[i] ^ b[i];
  return difference === 0;
}

function unopened(): Error {
  const e: Error & { code?: string } = new Error('an encrypted message does not open: give both ' +
    'sides the same key, and look for what changes bytes between them');
  e.code = 'ERR_MSG_003';
  return e;
}

// keyId returns a name for the key that reveals nothing about it.
export function keyId(key: Bytes): Bytes {
  return hmac(key, [latin1('smartsocket key id')]).subarray(0, 8);
}

type ConnectRecord = (version: number, random: Bytes, algorithm: number, keyId: Bytes,
  rest: ConnectFields | null) => Bytes;

// connect makes a sealed CONNECT of fields. Version, random, algorithm and key id are in clear;
// field 5 holds all others, sealed. record is the engine's connectRecord.
export function connect(key: Bytes, algorithm: number, fields: ConnectFields, hello: Bytes,
  serverRandom: Bytes, record: ConnectRecord): SealedConnect {
  const none = new Uint8Array(0);
  const clear = record(1, fields.random, algorithm, keyId(key), null);
  const ends = clientEnds(key, algorithm, fields.random, serverRandom, concat([hello, clear]));
  const sealed = ends.seal(record(0, none, 0, none, fields)), size = [5];
  let n = sealed.length;
  for (; n > 127; n >>= 7) size.push(n & 127 | 128);
  size.push(n);
  return { connect: concat([clear, size, sealed]), ends };
}

// clientEnds derives the keys of one connection. transcript is the part of the handshake that both
// ends saw in clear.
export function clientEnds(key: Bytes, algorithm: number, clientRandom: Bytes, serverRandom: Bytes,
  transcript: Bytes): Ends {
  const hash = sha256([latin1('smartsocket/1'), transcript]);
  const secret = hmac(concat([clientRandom, serverRandom]), [key]);
  const half = (direction: string): Half => {
    const info = [latin1('ss1 ' + direction), new Uint8Array([algorithm]), hash];
    return new (algorithm === GCM ? GcmHalf : CbcHalf)(expand(secret, info, 32));
  };
  let out: Half | null = half('c2s'), back: Half | null = half('s2c');
  return {
    seal: (message) => out!.seal(message),
    open: (record) => back!.open(record),
    close: () => { out = back = null; },
  };
}
