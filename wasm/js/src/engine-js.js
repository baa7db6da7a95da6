// The js engine: the same codec as the wasm engine in plain JavaScript, for browsers and content
// policies without WebAssembly.

import { CODES, SmartSocketError } from './errors.js';
import { text, utf8 } from './bytes.js';
import { decodeKey } from './key.js';
import { parts } from './parts.js';
import { ACK, CONNECT, CONNECT_ACK, ERROR, EVENT, FLAG_ACK, FLAG_BINARY, FLAG_DEFLATED, FLAG_SEQ, CONTROL, GOAWAY, HELLO, MAX_EVENT_NAME, PING, PONG, TWO_32, VERSION } from './wire.js';

// ALLOWED holds the flags that each kind may carry. A kind that is not listed is unknown.
var ALLOWED = [];
ALLOWED[HELLO] = ALLOWED[CONNECT] = ALLOWED[CONNECT_ACK] = ALLOWED[PING] = ALLOWED[PONG] = ALLOWED[GOAWAY] = 0;
ALLOWED[EVENT] = FLAG_SEQ | FLAG_ACK | FLAG_BINARY | FLAG_DEFLATED;
ALLOWED[ACK] = FLAG_SEQ | FLAG_ACK | FLAG_BINARY | FLAG_DEFLATED;
ALLOWED[ERROR] = FLAG_SEQ | FLAG_ACK | FLAG_DEFLATED;

function invalid(what) {
  return new SmartSocketError(CODES.INVALID_FORMAT, what);
}

// inPart runs a function of a part. Its errors have a code but are not SmartSocketErrors, so inPart
// converts them.
function inPart(run, a, b) {
  try {
    return run(a, b);
  } catch (e) {
    throw e.code ? new SmartSocketError(e.code, e.message) : e;
  }
}

// Reader walks over the bytes of one message.
function Reader(bytes) {
  this.bytes = bytes;
  this.at = 0;
  this.low = 0;
  this.high = 0;
}

// uvarint reads a LEB128 number of at most 64 bits in its shortest form into low and high.
Reader.prototype.uvarint = function () {
  var low = 0, high = 0, b;
  for (var i = 0; i < 10; i++) {
    if (this.at >= this.bytes.length) throw invalid('a message is cut short');
    b = this.bytes[this.at++];
    if (i < 4) low = (low | (b & 0x7f) << (7 * i)) >>> 0;
    else if (i === 4) { low = (low | (b & 0x0f) << 28) >>> 0; high = (b & 0x7f) >>> 4; }
    else if (i < 9) high = (high | (b & 0x7f) << (7 * i - 32)) >>> 0;
    else { if (b > 1) throw invalid('a number exceeds 64 bits'); high = (high | b << 31) >>> 0; }
    if (b < 0x80) {
      if (b === 0 && i > 0) throw invalid('a number is not in its shortest form');
      this.low = low;
      this.high = high;
      return high * TWO_32 + low;
    }
  }
  throw invalid('a number exceeds 64 bits');
};

// take borrows the next n bytes.
Reader.prototype.take = function (n) {
  if (n > this.bytes.length - this.at) throw invalid('a message is cut short');
  this.at += n;
  return this.bytes.subarray(this.at - n, this.at);
};

function decode(bytes, limit) {
  if (bytes.length === 0) throw invalid('a message is cut short');
  var r = new Reader(bytes);
  var kind = bytes[0] & 0x0f, flags = bytes[0] & 0xf0;
  r.at = 1;
  if (ALLOWED[kind] === undefined) throw invalid('unknown kind ' + kind);
  if (flags & ~ALLOWED[kind]) throw invalid('unknown flags of kind ' + kind);
  var m = { kind: kind, flags: flags, seq: 0, ackLow: 0, ackHigh: 0, event: '', payload: undefined, fields: null };
  if (kind !== EVENT && kind !== ACK && kind !== ERROR) {
    m.fields = FIELDS[kind] ? FIELDS[kind](readFields(r)) : readClock(r);
    return m;
  }
  if (kind === ACK && !(flags & FLAG_ACK)) throw invalid('an ACK without a number');
  if (flags & FLAG_SEQ) m.seq = r.uvarint();
  if (flags & FLAG_ACK) { r.uvarint(); m.ackLow = r.low; m.ackHigh = r.high; }
  if (kind === EVENT) {
    var length = r.uvarint();
    if (length < 1 || length > MAX_EVENT_NAME) throw invalid('an event name has 1 to ' + MAX_EVENT_NAME + ' bytes');
    m.event = text(r.take(length));
    if (CONTROL.test(m.event)) throw invalid('an event name with control characters');
  }
  var payload = bytes.subarray(r.at);
  if (flags & FLAG_DEFLATED) {
    if (!parts.flate) throw new SmartSocketError(CODES.DECOMPRESSION, 'a message is compressed, which this connection did not ask for');
    payload = inPart(parts.flate.inflate, payload, limit);
  }
  if (flags & FLAG_BINARY) m.payload = new Uint8Array(payload).buffer;
  else if (payload.length > 0) m.payload = text(payload);
  return m;
}

// readFields reads the fields of a handshake record by id. It skips ids from 64 on, which are for
// later versions.
function readFields(r) {
  var fields = new Map();
  while (r.at < r.bytes.length) {
    var id = r.uvarint(), value = r.take(r.uvarint());
    if (id >= 64) continue;
    if (fields.has(id)) throw invalid('field ' + id + ' is repeated');
    fields.set(id, value);
  }
  return {
    bytes: function (id) { return fields.get(id) || new Uint8Array(0); },
    // units checks that the field is absent or holds 1 to most units of size bytes.
    units: function (id, size, most) {
      var n = fields.has(id) ? fields.get(id).length : size;
      if (n === 0 || n % size !== 0 || n > size * most) throw invalid('field ' + id + ' has ' + n + ' bytes');
    },
    text: function (id) { return fields.has(id) ? text(fields.get(id)) : ''; },
    number: function (id) {
      if (!fields.has(id)) return 0;
      var n = new Reader(fields.get(id)), v = n.uvarint();
      if (n.at !== n.bytes.length) throw invalid('field ' + id + ' is not one number');
      return v;
    }
  };
}

var FIELDS = [];
FIELDS[HELLO] = function (f) {
  f.units(2, 32, 1);
  f.units(4, 8, Infinity);
  var bits = f.number(5);
  return { version: f.number(1), random: new Uint8Array(f.bytes(2)), algorithms: new Uint8Array(f.bytes(3)), authRequired: bits % 2 === 1, resumeSupported: Math.floor(bits / 2) % 2 === 1, maxMessageBytes: f.number(6), handshakeTimeout: f.number(7) };
};
FIELDS[CONNECT] = function () { throw invalid('a CONNECT from a server'); };
FIELDS[CONNECT_ACK] = function (f) {
  return { socketId: f.text(1), sessionToken: new Uint8Array(f.bytes(2)), recovered: f.number(3) % 2 === 1, heartbeatInterval: f.number(4), compressionThreshold: f.number(5), maxMessageBytes: f.number(6), serverTime: f.number(7), arrived: f.number(8) };
};
FIELDS[GOAWAY] = function (f) {
  return { deadline: f.number(1), reconnectWindow: f.number(2), url: f.text(3) };
};

function readClock(r) {
  var clock = { serverTime: r.uvarint(), rtt: r.uvarint(), clientTime: r.uvarint() };
  if (r.at !== r.bytes.length) throw invalid('bytes after a clock');
  return clock;
}

function uvarintLength(low, high) {
  var n = 1;
  while (high > 0 || low > 0x7f) {
    low = (low >>> 7 | high << 25) >>> 0;
    high >>>= 7;
    n++;
  }
  return n;
}

function putUvarint(out, at, low, high) {
  while (high > 0 || low > 0x7f) {
    out[at++] = low & 0x7f | 0x80;
    low = (low >>> 7 | high << 25) >>> 0;
    high >>>= 7;
  }
  out[at++] = low;
  return at;
}

function encode(kind, event, data, ackLow, ackHigh, withAck, threshold, limit) {
  var flags = withAck ? FLAG_ACK : 0;
  var name = kind === EVENT ? utf8(event) : null;
  var payload = data, packed;
  if (typeof data === 'string') payload = utf8(data);
  else if (data !== undefined) flags |= FLAG_BINARY;
  if (name && (name.length < 1 || name.length > MAX_EVENT_NAME)) throw invalid('an event name has 1 to ' + MAX_EVENT_NAME + ' bytes');
  if (payload && limit > 0 && payload.length > limit) throw new SmartSocketError(CODES.TOO_LARGE, payload.length + ' bytes of data are more than the ' + limit + ' that the server takes; split them or raise its maxMessageBytes');
  if (payload && threshold > 0 && payload.length > threshold && parts.flate && (packed = parts.flate.deflate(payload))) {
    payload = packed;
    flags |= FLAG_DEFLATED;
  }
  var size = 1 + (withAck ? uvarintLength(ackLow, ackHigh) : 0) + (name ? uvarintLength(name.length, 0) + name.length : 0);
  var out = new Uint8Array(size + (payload ? payload.length : 0)), at = 1;
  out[0] = kind | flags;
  if (withAck) at = putUvarint(out, at, ackLow, ackHigh);
  if (name) {
    at = putUvarint(out, at, name.length, 0);
    out.set(name, at);
    at += name.length;
  }
  if (payload) out.set(payload, at);
  return out;
}

function numberBytes(n) {
  var out = [];
  putUvarint(out, 0, n % TWO_32, Math.floor(n / TWO_32));
  return out;
}

function encodeConnect(c) {
  return connectRecord(VERSION, c.random, 0, [], c);
}

// encodeSealedConnect calls the part for encryption, sealing.js.
function encodeSealedConnect(c, key, hello, algorithm) {
  return inPart(function () {
    var sealed = parts.sealing.connect(decodeKey(key), algorithm, c, hello, decode(hello, 0).fields.random, connectRecord), open = sealed.ends.open;
    sealed.ends.open = function (record) { return inPart(open, record); };
    return sealed;
  });
}

// connectRecord makes a CONNECT. rest has the fields that encryption hides, or is null.
function connectRecord(version, random, algorithm, keyId, rest) {
  var out = [CONNECT];
  function field(id, value) {
    if (value.length > 0) out = out.concat(numberBytes(id), numberBytes(value.length), Array.prototype.slice.call(value));
  }
  function numberField(id, n) { if (n > 0) field(id, numberBytes(n)); }
  numberField(1, version);
  field(2, random);
  numberField(3, algorithm);
  field(4, keyId);
  if (rest) {
    field(10, utf8(rest.namespace));
    field(11, utf8(rest.apiKey));
    field(12, rest.sessionToken);
    numberField(13, rest.lastSeq);
    numberField(14, rest.canInflate ? 1 : 0);
    field(15, utf8(rest.client));
  }
  return new Uint8Array(out);
}

function encodePong(p) {
  return new Uint8Array([PONG].concat(numberBytes(p.serverTime), numberBytes(p.rtt), numberBytes(p.clientTime)));
}

// jsEngine has the interface described in engine-wasm.js.
export var jsEngine = { name: 'js', decode: decode, encode: encode, encodeConnect: encodeConnect, encodeSealedConnect: encodeSealedConnect, encodePong: encodePong };
