// The wasm engine: Go's message package behind exported functions (see ../../exports.go and
// ../../record.go).
//
// Between messages an engine has no state, except for the keys of encrypted connections:
//   decode(bytes, limit) → {kind, flags, seq, ackLow, ackHigh, event, payload, fields}; throws
//     SmartSocketError
//   encode(kind, event, payload, ackLow, ackHigh, wantsAck, threshold, limit) → Uint8Array, owned
//     by the caller. A payload of more than threshold bytes is compressed if that makes it shorter,
//     and one of more than limit bytes is refused; 0 or undefined = no such limit
//   encodeConnect(fields) / encodePong(fields) → Uint8Array
//   encodeSealedConnect(fields, key in base64, bytes of HELLO, algorithm) → {connect: Uint8Array,
//     ends}, where ends has seal(message) and open(record) → Uint8Array, which must be called in the
//     order of the wire, and close()
// payload is a string (JSON text), an ArrayBuffer or Uint8Array (binary), or undefined (no data).

import { Names, ascii, putAscii } from './short.js';
import { ACK, CONNECT_ACK, ERROR, EVENT, FLAG_ACK, FLAG_BINARY, FLAG_DEFLATED, FLAG_SEQ, GOAWAY, HELLO, PING, PONG, TWO_32 } from './wire.js';

// Slots of the record, as in record.go.
var SLOT_KIND = 1, SLOT_FLAGS = 2, SLOT_SEQ = 4, SLOT_ACK = 6, SLOT_EVENT = 8, SLOT_PAYLOAD = 10, SLOT_CODE = 12, SLOT_TEXT = 14, SLOT_FIELD = 16;
var RECORD_SLOTS = 40;
var INPLACE_LIMIT = 65536; // longer strings are measured before they are copied in
var SMALL = 4096; // what the input always has room for, see record.go

// wasmEngine wraps the exports of a running instance. It gets the class of its errors as an
// argument, because this file is loaded on demand and must not bring a second copy of what the
// client has already.
export function wasmEngine(exports, SmartSocketError) {
  var encoder = new TextEncoder(), decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  var names = new Names(); // of events that Go has accepted
  var memory = exports.mem;
  var bytes = new Uint8Array(memory.buffer);
  var recordAddress = exports.ss_record();
  var record = new Uint32Array(memory.buffer, recordAddress, RECORD_SLOTS);

  // grown: buffers may be too large now, so the next input asks ss_input
  var inputAddress = 0, grown = true;

  // input makes room for n bytes, refreshes the views if the memory grew, and returns the address.
  function input(n) {
    if (grown || n > SMALL) {
      inputAddress = exports.ss_input(n) >>> 0;
      grown = n > SMALL;
    }
    refresh();
    return inputAddress;
  }

  // refresh renews the views after the memory has grown. Growing detaches the old views and leaves
  // them empty.
  function refresh() {
    if (bytes.length > 0) return;
    bytes = new Uint8Array(memory.buffer);
    record = new Uint32Array(memory.buffer, recordAddress, RECORD_SLOTS);
  }

  function number(slot) { return record[slot] + record[slot + 1] * TWO_32; }

  function putNumber(slot, n) {
    record[slot] = n % TWO_32;
    record[slot + 1] = Math.floor(n / TWO_32);
  }

  function view(slot) { return bytes.subarray(record[slot], record[slot] + record[slot + 1]); }

  function string(slot) {
    var short = ascii(bytes, record[slot], record[slot + 1]);
    return short === null ? utf8(view(slot)) : short;
  }

  function utf8(text) {
    try {
      return decoder.decode(text);
    } catch (e) {
      throw new SmartSocketError('ERR_MSG_001', 'a message holds bytes that are not UTF-8 where text belongs');
    }
  }

  // name returns the event's name and remembers it, so that quick can read the next event of that
  // name.
  function name(at, n) {
    var found = names.recall(bytes, at, n);
    if (found === undefined) names.keep(bytes, at, n, found = string(SLOT_EVENT));
    return found;
  }

  var cursor = 0; // of number28

  // number28 reads a number of up to 28 bits in its shortest form. It returns -1 if Go must read
  // it.
  function number28(data) {
    for (var n = 0, shift = 0, b; shift < 28; shift += 7) {
      b = data[cursor++];
      n |= (b & 0x7f) << shift;
      if (b < 128) return b === 0 && shift > 0 ? -1 : n;
    }
    return -1;
  }

  // quick reads, without a call into Go, an event with a known name or an answer, if it is not
  // compressed. Only UTF-8 is left to check there. It returns null for any other message.
  function quick(data) {
    var kind = data[0] & 0x0f, flags = data[0] & 0xf0, seq = 0, ack = 0, event = '', n = 0, payload;
    if (kind !== EVENT && (kind !== ACK || !(flags & FLAG_ACK)) || flags & FLAG_DEFLATED) return null;
    cursor = 1;
    if (flags & FLAG_SEQ && (seq = number28(data)) < 0 || flags & FLAG_ACK && (ack = number28(data)) < 0) return null;
    if (kind === EVENT) {
      n = data[cursor++];
      if (!(n < 128) || cursor + n > data.length) return null;
      event = names.recall(data, cursor, n);
      if (event === undefined) return null;
      cursor += n;
    }
    n = data.length - cursor;
    if (flags & FLAG_BINARY) payload = data.slice(cursor).buffer;
    else if (n > 0 && (payload = ascii(data, cursor, n)) === null) payload = utf8(data.subarray(cursor));
    return { kind: kind, flags: flags, seq: seq, ackLow: ack, ackHigh: 0, event: event, payload: payload, fields: null };
  }

  function check(failed) {
    refresh();
    if (failed) throw new SmartSocketError(string(SLOT_CODE), string(SLOT_TEXT));
  }

  function result() { return bytes.slice(record[SLOT_PAYLOAD], record[SLOT_PAYLOAD] + record[SLOT_PAYLOAD + 1]); }

  function payload(flags) {
    if (record[SLOT_PAYLOAD + 1] > SMALL) grown = true;
    if (flags & FLAG_BINARY) return view(SLOT_PAYLOAD).slice().buffer;
    return record[SLOT_PAYLOAD + 1] === 0 ? undefined : string(SLOT_PAYLOAD);
  }

  function fields(kind) {
    var f = SLOT_FIELD;
    switch (kind) {
      case HELLO:
        return { version: number(f), random: view(f + 2).slice(), algorithms: view(f + 4).slice(), authRequired: record[f + 8] === 1, resumeSupported: record[f + 10] === 1, maxMessageBytes: number(f + 12), handshakeTimeout: number(f + 14) };
      case CONNECT_ACK:
        return { socketId: string(f), sessionToken: view(f + 2).slice(), recovered: record[f + 4] === 1, heartbeatInterval: number(f + 6), compressionThreshold: number(f + 8), maxMessageBytes: number(f + 10), serverTime: number(f + 12), arrived: number(f + 14) };
      case GOAWAY:
        return { deadline: number(f), reconnectWindow: number(f + 2), url: string(f + 4) };
      case PING:
      case PONG:
        return { serverTime: number(f), rtt: number(f + 2), clientTime: number(f + 4) };
    }
    return null;
  }

  // putString writes s at address at and returns how many bytes it took.
  function putString(at, s) {
    if (putAscii(bytes, at, s)) return s.length;
    return encoder.encodeInto(s, bytes.subarray(at)).written;
  }

  // putConnect writes the arguments of a CONNECT: byte values into the input, their lengths and the
  // numbers into the record.
  function putConnect(c, more) {
    var values = [c.random, encoder.encode(c.namespace), encoder.encode(c.apiKey), c.sessionToken, encoder.encode(c.client)].concat(more);
    var slots = [0, 2, 4, 6, 10, 14, 16], room = 0, i;
    for (i = 0; i < values.length; i++) room += values[i].length;
    var at = input(room);
    for (i = 0; i < values.length; i++) {
      bytes.set(values[i], at);
      at += values[i].length;
      putNumber(SLOT_FIELD + slots[i], values[i].length);
    }
    putNumber(SLOT_FIELD + 8, c.lastSeq);
    putNumber(SLOT_FIELD + 12, c.canInflate ? 1 : 0);
  }

  // ends wraps the handle of a connection's keys. close releases it.
  function ends(handle) {
    function run(operation, data) {
      var at = input(data.length);
      bytes.set(data, at);
      check(operation(handle, data.length));
      return result();
    }
    return {
      seal: function (message) { return run(exports.ss_seal, message); },
      open: function (record) { return run(exports.ss_open, record); },
      close: function () {
        if (handle) exports.ss_release(handle);
        handle = 0;
      }
    };
  }

  return {
    name: 'wasm',

    decode: function (data, limit) {
      var short = quick(data);
      if (short) return short;
      var at = input(data.length);
      bytes.set(data, at);
      check(exports.ss_decode(data.length, limit));
      var kind = record[SLOT_KIND], flags = record[SLOT_FLAGS];
      var carriesData = kind === EVENT || kind === ACK || kind === ERROR;
      return {
        kind: kind,
        flags: flags,
        seq: number(SLOT_SEQ),
        ackLow: record[SLOT_ACK],
        ackHigh: record[SLOT_ACK + 1],
        event: kind === EVENT ? name(record[SLOT_EVENT], record[SLOT_EVENT + 1]) : '',
        payload: carriesData ? payload(flags) : undefined,
        fields: carriesData ? null : fields(kind)
      };
    },

    encode: function (kind, event, data, ackLow, ackHigh, withAck, threshold, limit) {
      var flags = withAck ? FLAG_ACK : 0, room = event.length * 3, source = data;
      if (data !== undefined && typeof data !== 'string') flags |= FLAG_BINARY;
      if (typeof data === 'string' && data.length > INPLACE_LIMIT) source = encoder.encode(data);
      room += source === undefined ? 0 : typeof source === 'string' ? source.length * 3 : source.length;
      var at = input(room);
      var nameLength = putString(at, event), length = 0;
      if (typeof source === 'string') {
        length = putString(at + nameLength, source);
      } else if (source !== undefined) {
        length = source.length;
        bytes.set(source, at + nameLength);
      }
      check(exports.ss_encode(kind, flags, ackLow, ackHigh, nameLength, length, threshold || 0, limit || 0));
      return result();
    },

    encodeConnect: function (c) {
      putConnect(c, []);
      check(exports.ss_connect());
      return result();
    },

    encodeSealedConnect: function (c, key, hello, algorithm) {
      putConnect(c, [encoder.encode(key), hello]);
      putNumber(SLOT_FIELD + 18, algorithm);
      check(exports.ss_connect_sealed());
      return { connect: result(), ends: ends(record[SLOT_KIND]) };
    },

    encodePong: function (p) {
      refresh();
      putNumber(SLOT_FIELD, p.serverTime);
      putNumber(SLOT_FIELD + 2, p.rtt);
      putNumber(SLOT_FIELD + 4, p.clientTime);
      check(exports.ss_pong());
      return result();
    }
  };
}

// startEngine resolves with an engine. source is the promise of a Response or of the file's bytes,
// Go the class of Go's loader.
export function startEngine(Go, source, SmartSocketError) {
  var go = new Go();
  return source.then(function (found) {
    var type = found.headers && found.headers.get('Content-Type') || '';
    if (!found.headers) return WebAssembly.instantiate(found, go.importObject);
    if (!found.ok) throw new Error('loading ' + found.url + ' answered ' + found.status);
    if (typeof WebAssembly.instantiateStreaming === 'function' && /^application\/wasm/i.test(type)) return WebAssembly.instantiateStreaming(found, go.importObject);
    return found.arrayBuffer().then(function (bytes) { return WebAssembly.instantiate(bytes, go.importObject); });
  }).then(function (loaded) {
    // Returns as soon as main blocks; its promise would resolve only at exit.
    go.run(loaded.instance);
    return wasmEngine(loaded.instance.exports, SmartSocketError);
  });
}
