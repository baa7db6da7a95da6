// The js engine: the same codec as the wasm engine in plain JavaScript, for browsers and content
// policies without WebAssembly.

import { text, utf8 } from './bytes.js';
import type {
  Bytes, ConnectFields, Engine, Hello, Message, Payload, SealedConnect,
} from './codec.js';
import { CODES, SmartSocketError, invalidFormat } from './errors.js';
import { connectRecord, decodeFields, encodePong } from './fields.js';
import { decodeKey } from './key.js';
import { parts } from './parts.js';
import { Reader, putUvarint, uvarintLength } from './uvarint.js';
import {
  ACK, CONTROL, ERROR, EVENT, FLAG_ACK, FLAG_BINARY, FLAG_DEFLATED, FLAG_SEQ, GOAWAY,
  MAX_EVENT_NAME, VERSION,
} from './wire.js';

// flagsOf has the flags that a kind may carry.
function flagsOf(kind: number): number {
  if (kind === EVENT || kind === ACK) return FLAG_SEQ | FLAG_ACK | FLAG_BINARY | FLAG_DEFLATED;
  return kind === ERROR ? FLAG_SEQ | FLAG_ACK | FLAG_DEFLATED : 0;
}

// inPart runs a function of a part. Its errors have a code but are not SmartSocketErrors, so inPart
// converts them.
function inPart<T>(run: () => T): T {
  try {
    return run();
  } catch (e) {
    const { code, message } = e as SmartSocketError;
    throw code ? new SmartSocketError(code, message) : e;
  }
}

function checkName(bytes: number): void {
  if (bytes < 1 || bytes > MAX_EVENT_NAME) {
    throw invalidFormat(`an event name has 1 to ${MAX_EVENT_NAME} bytes`);
  }
}

function decode(bytes: Bytes, limit: number): Message {
  if (bytes.length === 0) throw invalidFormat('a message is cut short');
  const r = new Reader(bytes), kind = bytes[0] & 0x0f, flags = bytes[0] & 0xf0;
  r._at = 1;
  if (kind < 1 || kind > GOAWAY) throw invalidFormat('unknown kind ' + kind);
  if (flags & ~flagsOf(kind)) throw invalidFormat('unknown flags of kind ' + kind);
  const m: Message = {
    kind, flags, seq: 0, ackLow: 0, ackHigh: 0, event: '', payload: undefined, fields: null,
  };
  if (kind !== EVENT && kind !== ACK && kind !== ERROR) {
    m.fields = decodeFields(kind, r);
    return m;
  }
  if (kind === ACK && !(flags & FLAG_ACK)) throw invalidFormat('an ACK without a number');
  if (flags & FLAG_SEQ) m.seq = r._uvarint();
  if (flags & FLAG_ACK) {
    r._uvarint();
    m.ackLow = r._low;
    m.ackHigh = r._high;
  }
  if (kind === EVENT) {
    const length = r._uvarint();
    checkName(length);
    m.event = text(r._take(length));
    if (CONTROL.test(m.event)) throw invalidFormat('an event name with control characters');
  }
  const rest = bytes.subarray(r._at);
  const payload = flags & FLAG_DEFLATED ? inflated(rest, limit) : rest;
  if (flags & FLAG_BINARY) m.payload = new Uint8Array(payload).buffer;
  else if (payload.length > 0) m.payload = text(payload);
  return m;
}

function inflated(payload: Bytes, limit: number): Bytes {
  const { flate } = parts;
  if (!flate) {
    throw new SmartSocketError(CODES.DECOMPRESSION,
      'a message is compressed, which this connection did not ask for');
  }
  return inPart(() => flate.inflate(payload, limit));
}

function encode(kind: number, event: string, data: Payload, ackLow: number, ackHigh: number,
  withAck: boolean, threshold: number, limit: number): Bytes {
  let flags = withAck ? FLAG_ACK : 0, payload = typeof data === 'string' ? utf8(data) : data;
  const name = kind === EVENT ? utf8(event) : null;
  if (typeof data === 'object') flags |= FLAG_BINARY;
  if (name) checkName(name.length);
  if (payload && limit > 0 && payload.length > limit) {
    throw new SmartSocketError(CODES.TOO_LARGE, `${payload.length} bytes of data are more than ` +
      `the ${limit} that the server takes; split them or raise its maxMessageBytes`);
  }
  if (payload && threshold > 0 && payload.length > threshold && parts.flate) {
    const packed = parts.flate.deflate(payload);
    if (packed) {
      payload = packed;
      flags |= FLAG_DEFLATED;
    }
  }
  const size = 1 + (withAck ? uvarintLength(ackLow, ackHigh) : 0) +
    (name ? uvarintLength(name.length, 0) + name.length : 0);
  const out = new Uint8Array(size + (payload ? payload.length : 0));
  let at = 1;
  out[0] = kind | flags;
  if (withAck) at = putUvarint(out, at, ackLow, ackHigh);
  if (name) {
    at = putUvarint(out, at, name.length, 0);
    out.set(name, at);
  }
  if (payload) out.set(payload, size);
  return out;
}

// encodeSealedConnect calls the part for encryption, sealing.ts.
function encodeSealedConnect(c: ConnectFields, key: string, hello: Bytes,
  algorithm: number): SealedConnect {
  return inPart(() => {
    const { random } = decode(hello, 0).fields as Hello;
    const sealed = parts.sealing!.connect(decodeKey(key), algorithm, c, hello, random,
      connectRecord);
    const { open } = sealed.ends;
    sealed.ends.open = (record) => inPart(() => open(record));
    return sealed;
  });
}

export const jsEngine: Engine = {
  name: 'js',
  decode,
  encode,
  encodeConnect: (c) => connectRecord(VERSION, c.random, 0, new Uint8Array(0), c),
  encodeSealedConnect,
  encodePong,
};
