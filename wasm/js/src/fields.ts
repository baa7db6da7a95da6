// The messages of the js engine that carry fields instead of data: the handshake, GOAWAY and
// clocks.

import { text, utf8 } from './bytes.js';
import type { Bytes, ClockFields, ConnectFields, Fields } from './codec.js';
import { invalidFormat } from './errors.js';
import { Reader, numberBytes } from './uvarint.js';
import { CONNECT, CONNECT_ACK, GOAWAY, HELLO, PONG } from './wire.js';

// decodeFields reads the fields of a message of this kind.
export function decodeFields(kind: number, r: Reader): Fields {
  switch (kind) {
    case HELLO: return hello(new Record(r));
    case CONNECT_ACK: return connectAck(new Record(r));
    case GOAWAY: return goaway(new Record(r));
    case CONNECT: throw invalidFormat('a CONNECT from a server');
  }
  const clock = { serverTime: r._uvarint(), rtt: r._uvarint(), clientTime: r._uvarint() };
  if (r._at !== r._bytes.length) throw invalidFormat('bytes after a clock');
  return clock;
}

// Record has the fields of a handshake record by id. It skips ids from 64 on, which are for later
// versions.
class Record {
  #fields = new Map<number, Bytes>();

  constructor(r: Reader) {
    while (r._at < r._bytes.length) {
      const id = r._uvarint(), value = r._take(r._uvarint());
      if (id >= 64) continue;
      if (this.#fields.has(id)) throw invalidFormat(`field ${id} is repeated`);
      this.#fields.set(id, value);
    }
  }

  // bytes returns a copy.
  _bytes(id: number): Bytes {
    return new Uint8Array(this.#fields.get(id) || []);
  }

  // units checks that the field is absent or holds 1 to most units of size bytes.
  _units(id: number, size: number, most: number): void {
    const field = this.#fields.get(id), n = field ? field.length : size;
    if (n === 0 || n % size !== 0 || n > size * most) {
      throw invalidFormat(`field ${id} has ${n} bytes`);
    }
  }

  _text(id: number): string {
    const field = this.#fields.get(id);
    return field ? text(field) : '';
  }

  _number(id: number): number {
    const field = this.#fields.get(id);
    if (!field) return 0;
    const r = new Reader(field), n = r._uvarint();
    if (r._at !== field.length) throw invalidFormat(`field ${id} is not one number`);
    return n;
  }
}

function hello(f: Record): Fields {
  f._units(2, 32, 1);
  f._units(4, 8, Infinity);
  const bits = f._number(5);
  return {
    version: f._number(1),
    random: f._bytes(2),
    algorithms: f._bytes(3),
    authRequired: bits % 2 === 1,
    resumeSupported: Math.floor(bits / 2) % 2 === 1,
    authEvent: Math.floor(bits / 4) % 2 === 1,
    maxMessageBytes: f._number(6),
    handshakeTimeout: f._number(7),
    rateLimit: f._number(8),
    rateWindow: f._number(9),
  };
}

function connectAck(f: Record): Fields {
  return {
    socketId: f._text(1),
    sessionToken: f._bytes(2),
    recovered: f._number(3) % 2 === 1,
    heartbeatInterval: f._number(4),
    compressionThreshold: f._number(5),
    maxMessageBytes: f._number(6),
    serverTime: f._number(7),
    arrived: f._number(8),
  };
}

function goaway(f: Record): Fields {
  return {
    deadline: f._number(1),
    reconnectWindow: f._number(2),
    url: f._text(3),
    move: f._number(4) % 2 === 1,
  };
}

// connectRecord makes a CONNECT. rest has the fields that encryption hides, or is null.
export function connectRecord(version: number, random: Bytes, algorithm: number, keyId: Bytes,
  rest: ConnectFields | null): Bytes {
  let out = [CONNECT];
  const field = (id: number, value: Bytes | number[]): void => {
    if (value.length === 0) return;
    out = out.concat(numberBytes(id), numberBytes(value.length), [].slice.call(value));
  };
  const number = (id: number, n: number): void => {
    if (n > 0) field(id, numberBytes(n));
  };
  number(1, version);
  field(2, random);
  number(3, algorithm);
  field(4, keyId);
  if (rest) {
    field(10, utf8(rest.namespace));
    field(11, utf8(rest.apiKey));
    field(12, rest.sessionToken);
    number(13, rest.lastSeq);
    number(14, (rest.canInflate ? 1 : 0) + (rest.canMove ? 2 : 0));
    field(15, utf8(rest.client));
  }
  return new Uint8Array(out);
}

export function encodePong(p: ClockFields): Bytes {
  return new Uint8Array([PONG].concat(numberBytes(p.serverTime), numberBytes(p.rtt),
    numberBytes(p.clientTime)));
}
