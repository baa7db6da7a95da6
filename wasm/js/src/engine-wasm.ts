// The wasm engine: Go's message package behind exported functions (see ../../exports.go and
// ../../record.go).

import type {
  Bytes, ClockFields, ConnectFields, Ends, Engine, Fields, Message, Payload, SealedConnect,
} from './codec.js';
import type { SmartSocketError } from './errors.js';
import { Names, SHORT, ascii, putAscii } from './short.js';
import {
  ACK, CONNECT_ACK, ERROR, EVENT, FLAG_ACK, FLAG_BINARY, FLAG_DEFLATED, FLAG_SEQ, GOAWAY, HELLO,
  PING, PONG, TWO_32,
} from './wire.js';

// Slots of the record, as in record.go.
const SLOT_KIND = 1, SLOT_FLAGS = 2, SLOT_SEQ = 4, SLOT_ACK = 6, SLOT_EVENT = 8, SLOT_PAYLOAD = 10,
  SLOT_CODE = 12, SLOT_TEXT = 14, SLOT_FIELD = 16;
const RECORD_SLOTS = 40;
const INPLACE_LIMIT = 65536; // longer strings are measured before they are copied in
const MAX_SENT = 64;
const SMALL = 4096; // what the input always has room for, see record.go

// Exports are Go's functions. Most return whether they failed.
export interface Exports {
  mem: { buffer: ArrayBuffer };
  ss_record(): number;
  ss_input(n: number): number;
  ss_decode(length: number, limit: number): number;
  ss_encode(kind: number, flags: number, ackLow: number, ackHigh: number, nameLength: number,
    length: number, threshold: number, limit: number): number;
  ss_connect(): number;
  ss_connect_sealed(): number;
  ss_pong(): number;
  ss_seal(handle: number, length: number): number;
  ss_open(handle: number, length: number): number;
  ss_release(handle: number): void;
}

type ErrorClass = typeof SmartSocketError;

// WasmEngine wraps the exports of a running instance. It gets the class of its errors as an
// argument, because this file is loaded on demand and must not bring a second copy of what the
// client has already.
class WasmEngine implements Engine {
  readonly name = 'wasm';
  #go: Exports;
  #Error: ErrorClass;
  #encoder = new TextEncoder();
  #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  #names = new Names(); // of events that Go has accepted
  #sent = new Set<string>(); // names in ASCII of events that Go has encoded
  #bytes: Bytes;
  #recordAddress: number;
  #record: Uint32Array;
  #inputAddress = 0;
  #grown = true; // buffers may be too large now, so the next input asks ss_input
  #cursor = 0; // of number28

  constructor(exports: Exports, Class: ErrorClass) {
    this.#go = exports;
    this.#Error = Class;
    this.#recordAddress = exports.ss_record();
    this.#bytes = new Uint8Array(exports.mem.buffer);
    this.#record = new Uint32Array(exports.mem.buffer, this.#recordAddress, RECORD_SLOTS);
  }

  decode(data: Bytes, limit: number): Message {
    const short = this.#quick(data);
    if (short) return short;
    const at = this.#input(data.length);
    this.#bytes.set(data, at);
    this.#check(this.#go.ss_decode(data.length, limit));
    const record = this.#record, kind = record[SLOT_KIND], flags = record[SLOT_FLAGS];
    const carriesData = kind === EVENT || kind === ACK || kind === ERROR;
    return {
      kind,
      flags,
      seq: this.#number(SLOT_SEQ),
      ackLow: record[SLOT_ACK],
      ackHigh: record[SLOT_ACK + 1],
      event: kind === EVENT ? this.#eventName() : '',
      payload: carriesData ? this.#payload(flags) : undefined,
      fields: carriesData ? null : this.#fields(kind),
    };
  }

  encode(kind: number, event: string, data: Payload, ackLow: number, ackHigh: number,
    withAck: boolean, threshold: number, limit: number): Bytes {
    const short = kind === EVENT && !withAck && typeof data === 'string' &&
      !(data.length > threshold && threshold || data.length > limit && limit)
      ? this.#quickEvent(event, data) : null;
    if (short) return short;
    let flags = withAck ? FLAG_ACK : 0, room = event.length * 3, source = data, length = 0;
    if (typeof data === 'object') flags |= FLAG_BINARY;
    if (typeof data === 'string' && data.length > INPLACE_LIMIT) {
      source = this.#encoder.encode(data);
    }
    if (source !== undefined) room += source.length * (typeof source === 'string' ? 3 : 1);
    const at = this.#input(room), nameLength = this.#putString(at, event);
    if (typeof source === 'string') {
      length = this.#putString(at + nameLength, source);
    } else if (source !== undefined) {
      length = source.length;
      this.#bytes.set(source, at + nameLength);
    }
    this.#check(this.#go.ss_encode(kind, flags, ackLow, ackHigh, nameLength, length, threshold || 0,
      limit || 0));
    if (kind === EVENT && nameLength === event.length) this.#remember(event);
    return this.#result();
  }

  // remember notes the name of an event, in ASCII, for quickEvent.
  #remember(event: string): void {
    if (this.#sent.size >= MAX_SENT) this.#sent.clear();
    this.#sent.add(event);
  }

  // quickEvent encodes, without a call into Go, an event with a known name and a short text in
  // ASCII. It returns null for any other.
  #quickEvent(event: string, data: string): Bytes | null {
    const n = event.length, at = 2 + n;
    if (n > 127 || data.length > SHORT || !this.#sent.has(event)) return null;
    const bytes = new Uint8Array(at + data.length);
    bytes[0] = EVENT;
    bytes[1] = n;
    return putAscii(bytes, 2, event) && putAscii(bytes, at, data) ? bytes : null;
  }

  encodeConnect(c: ConnectFields): Bytes {
    this.#putConnect(c, []);
    this.#check(this.#go.ss_connect());
    return this.#result();
  }

  encodeSealedConnect(c: ConnectFields, key: string, hello: Bytes,
    algorithm: number): SealedConnect {
    this.#putConnect(c, [this.#encoder.encode(key), hello]);
    this.#putNumber(SLOT_FIELD + 18, algorithm);
    this.#check(this.#go.ss_connect_sealed());
    return { connect: this.#result(), ends: this.#ends(this.#record[SLOT_KIND]) };
  }

  encodePong(p: ClockFields): Bytes {
    this.#refresh();
    this.#putNumber(SLOT_FIELD, p.serverTime);
    this.#putNumber(SLOT_FIELD + 2, p.rtt);
    this.#putNumber(SLOT_FIELD + 4, p.clientTime);
    this.#check(this.#go.ss_pong());
    return this.#result();
  }

  // input makes room for n bytes, refreshes the views if the memory grew, and returns the address.
  #input(n: number): number {
    if (this.#grown || n > SMALL) {
      this.#inputAddress = this.#go.ss_input(n) >>> 0;
      this.#grown = n > SMALL;
    }
    this.#refresh();
    return this.#inputAddress;
  }

  // refresh renews the views after the memory has grown. Growing detaches the old views and leaves
  // them empty.
  #refresh(): void {
    if (this.#bytes.length > 0) return;
    const { buffer } = this.#go.mem;
    this.#bytes = new Uint8Array(buffer);
    this.#record = new Uint32Array(buffer, this.#recordAddress, RECORD_SLOTS);
  }

  #number(slot: number): number {
    return this.#record[slot] + this.#record[slot + 1] * TWO_32;
  }

  #putNumber(slot: number, n: number): void {
    this.#record[slot] = n % TWO_32;
    this.#record[slot + 1] = Math.floor(n / TWO_32);
  }

  #view(slot: number): Bytes {
    return this.#bytes.subarray(this.#record[slot], this.#record[slot] + this.#record[slot + 1]);
  }

  #string(slot: number): string {
    const short = ascii(this.#bytes, this.#record[slot], this.#record[slot + 1]);
    return short === null ? this.#utf8(this.#view(slot)) : short;
  }

  #utf8(text: Bytes): string {
    try {
      return this.#decoder.decode(text);
    } catch {
      throw new this.#Error('ERR_MSG_001',
        'a message holds bytes that are not UTF-8 where text belongs');
    }
  }

  // eventName returns the event's name and remembers it, so that quick can read the next event of
  // that name.
  #eventName(): string {
    const at = this.#record[SLOT_EVENT], n = this.#record[SLOT_EVENT + 1];
    let name = this.#names.recall(this.#bytes, at, n);
    if (name === undefined) {
      name = this.#string(SLOT_EVENT);
      this.#names.keep(this.#bytes, at, n, name);
    }
    return name;
  }

  // number28 reads a number of up to 28 bits in its shortest form. It returns -1 if Go must read
  // it.
  #number28(data: Bytes): number {
    for (let n = 0, shift = 0; shift < 28; shift += 7) {
      const b = data[this.#cursor++];
      n |= (b & 0x7f) << shift;
      if (b < 128) return b === 0 && shift > 0 ? -1 : n;
    }
    return -1;
  }

  // quick reads, without a call into Go, an event with a known name or an answer, if it is not
  // compressed. Only UTF-8 is left to check there. It returns null for any other message.
  #quick(data: Bytes): Message | null {
    const kind = data[0] & 0x0f, flags = data[0] & 0xf0;
    const isAck = kind === ACK && flags & FLAG_ACK;
    if (kind !== EVENT && !isAck || flags & FLAG_DEFLATED) return null;
    this.#cursor = 1;
    const seq = flags & FLAG_SEQ ? this.#number28(data) : 0;
    const ack = seq >= 0 && flags & FLAG_ACK ? this.#number28(data) : 0;
    if (seq < 0 || ack < 0) return null;
    let at = this.#cursor, event: string | undefined = '';
    if (kind === EVENT) {
      const n = data[at++];
      if (!(n < 128) || at + n > data.length) return null;
      event = this.#names.recall(data, at, n);
      if (event === undefined) return null;
      at += n;
    }
    return {
      kind, flags, seq, ackLow: ack, ackHigh: 0, event,
      payload: this.#quickPayload(data, at, flags), fields: null,
    };
  }

  #quickPayload(data: Bytes, at: number, flags: number): string | ArrayBuffer | undefined {
    if (flags & FLAG_BINARY) return data.slice(at).buffer;
    const n = data.length - at;
    if (n === 0) return undefined;
    const short = ascii(data, at, n);
    return short === null ? this.#utf8(data.subarray(at)) : short;
  }

  #check(failed: number): void {
    this.#refresh();
    if (failed) throw new this.#Error(this.#string(SLOT_CODE), this.#string(SLOT_TEXT));
  }

  #result(): Bytes {
    return this.#view(SLOT_PAYLOAD).slice();
  }

  #payload(flags: number): string | ArrayBuffer | undefined {
    const n = this.#record[SLOT_PAYLOAD + 1];
    if (n > SMALL) this.#grown = true;
    if (flags & FLAG_BINARY) return this.#result().buffer;
    return n === 0 ? undefined : this.#string(SLOT_PAYLOAD);
  }

  #fields(kind: number): Fields | null {
    const f = SLOT_FIELD, record = this.#record;
    switch (kind) {
      case HELLO:
        return {
          version: this.#number(f),
          random: this.#view(f + 2).slice(),
          algorithms: this.#view(f + 4).slice(),
          authRequired: record[f + 8] === 1,
          resumeSupported: record[f + 10] === 1,
          maxMessageBytes: this.#number(f + 12),
          handshakeTimeout: this.#number(f + 14),
          authEvent: record[f + 16] === 1,
          rateLimit: this.#number(f + 18),
          rateWindow: this.#number(f + 20),
        };
      case CONNECT_ACK:
        return {
          socketId: this.#string(f),
          sessionToken: this.#view(f + 2).slice(),
          recovered: record[f + 4] === 1,
          heartbeatInterval: this.#number(f + 6),
          compressionThreshold: this.#number(f + 8),
          maxMessageBytes: this.#number(f + 10),
          serverTime: this.#number(f + 12),
          arrived: this.#number(f + 14),
        };
      case GOAWAY:
        return {
          deadline: this.#number(f),
          reconnectWindow: this.#number(f + 2),
          url: this.#string(f + 4),
          move: record[f + 6] === 1,
        };
      case PING:
      case PONG:
        return {
          serverTime: this.#number(f), rtt: this.#number(f + 2), clientTime: this.#number(f + 4),
        };
    }
    return null;
  }

  // putString writes s at address at and returns how many bytes it took.
  #putString(at: number, s: string): number {
    if (putAscii(this.#bytes, at, s)) return s.length;
    return this.#encoder.encodeInto(s, this.#bytes.subarray(at)).written;
  }

  // putConnect writes the arguments of a CONNECT: byte values into the input, their lengths and the
  // numbers into the record.
  #putConnect(c: ConnectFields, more: Bytes[]): void {
    const encode = (s: string): Bytes => this.#encoder.encode(s);
    const values = [c.random, encode(c.namespace), encode(c.apiKey), c.sessionToken,
      encode(c.client)].concat(more);
    const slots = [0, 2, 4, 6, 10, 14, 16];
    let room = 0;
    values.forEach((value) => { room += value.length; });
    let at = this.#input(room);
    values.forEach((value, i) => {
      this.#bytes.set(value, at);
      at += value.length;
      this.#putNumber(SLOT_FIELD + slots[i], value.length);
    });
    this.#putNumber(SLOT_FIELD + 8, c.lastSeq);
    this.#putNumber(SLOT_FIELD + 12, (c.canInflate ? 1 : 0) + (c.canMove ? 2 : 0));
  }

  // ends wraps the handle of a connection's keys. close releases it.
  #ends(handle: number): Ends {
    const run = (operation: Exports['ss_seal'], data: Bytes): Bytes => {
      const at = this.#input(data.length);
      this.#bytes.set(data, at);
      this.#check(operation(handle, data.length));
      return this.#result();
    };
    return {
      seal: (message) => run(this.#go.ss_seal, message),
      open: (record) => run(this.#go.ss_open, record),
      close: () => {
        if (handle) this.#go.ss_release(handle);
        handle = 0;
      },
    };
  }
}

export function wasmEngine(exports: Exports, Class: ErrorClass): Engine {
  return new WasmEngine(exports, Class);
}

// Go is what Go's loader calls itself.
export type GoClass = new () => {
  importObject: WebAssembly.Imports;
  run(instance: WebAssembly.Instance): Promise<void>;
};

// startEngine resolves with an engine. source is the promise of a Response or of the file's bytes,
// Go the class of Go's loader.
export function startEngine(Go: GoClass, source: Promise<Response | Bytes>,
  Class: ErrorClass): Promise<Engine> {
  const go = new Go();
  return source.then((found) => instantiate(found, go.importObject)).then(({ instance }) => {
    // Returns as soon as main blocks; its promise would resolve only at exit.
    go.run(instance);
    return wasmEngine(instance.exports as unknown as Exports, Class);
  });
}

type Loaded = Promise<WebAssembly.WebAssemblyInstantiatedSource>;

function instantiate(found: Response | Bytes, imports: WebAssembly.Imports): Loaded {
  if (!('headers' in found)) return WebAssembly.instantiate(found, imports);
  if (!found.ok) throw new Error(`loading ${found.url} answered ${found.status}`);
  const isWasm = /^application\/wasm/i.test(found.headers.get('Content-Type') || '');
  if (typeof WebAssembly.instantiateStreaming === 'function' && isWasm) {
    return WebAssembly.instantiateStreaming(found, imports);
  }
  return found.arrayBuffer().then((bytes) => WebAssembly.instantiate(bytes, imports));
}
