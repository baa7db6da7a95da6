// The wasm engine: Go's message package behind exported functions (see ../../exports.go and ../../record.go).
//
// An engine is stateless between messages, but for the keys of encrypted connections:
//   decode(bytes, limit) → {kind, flags, seq, ackLow, ackHigh, event, payload, fields}; throws SmartSocketError
//   encode(kind, event, payload, ackLow, ackHigh, wantsAck, threshold, limit) → Uint8Array, owned by the caller; a payload of
//     more than threshold bytes is compressed where that helps, one of more than limit bytes refused; 0 or undefined = never
//   encodeConnect(fields) / encodePong(fields) → Uint8Array
//   encodeSealedConnect(fields, key in base64, bytes of HELLO, algorithm) → {connect: Uint8Array, ends}, where ends has
//     seal(message) and open(record) → Uint8Array, to be called in the order of the wire, and close()
// payload is a string (JSON text), an ArrayBuffer or Uint8Array (binary), or undefined (no data).

import { CODES, SmartSocketError } from './errors.js';
import { environment } from './environment.js';
import { text, utf8 } from './bytes.js';
import { ACK, CONNECT_ACK, ERROR, EVENT, FLAG_ACK, FLAG_BINARY, GOAWAY, HELLO, PING, PONG, TWO_32 } from './wire.js';

// Slots of the record, as in record.go.
var SLOT_KIND = 1, SLOT_FLAGS = 2, SLOT_SEQ = 4, SLOT_ACK = 6, SLOT_EVENT = 8, SLOT_PAYLOAD = 10, SLOT_CODE = 12, SLOT_TEXT = 14, SLOT_FIELD = 16;
var RECORD_SLOTS = 40;
var INPLACE_LIMIT = 65536; // longer strings are measured before they are copied in
var GO_SLOT = '@smartsocket/go';

// wasmEngine wraps the exports of a running instance.
export function wasmEngine(exports) {
  var encoder = new TextEncoder();
  var memory = exports.mem;
  var bytes = new Uint8Array(memory.buffer);
  var recordAddress = exports.ss_record();
  var record = new Uint32Array(memory.buffer, recordAddress, RECORD_SLOTS);

  // input makes room for n bytes, refreshes the views if the memory grew, and returns the address.
  function input(n) {
    var at = exports.ss_input(n) >>> 0;
    refresh();
    return at;
  }

  // refresh renews the views after the memory grew, which detaches the old ones.
  function refresh() {
    if (bytes.buffer === memory.buffer) return;
    bytes = new Uint8Array(memory.buffer);
    record = new Uint32Array(memory.buffer, recordAddress, RECORD_SLOTS);
  }

  function number(slot) { return record[slot] + record[slot + 1] * TWO_32; }

  function putNumber(slot, n) {
    record[slot] = n % TWO_32;
    record[slot + 1] = Math.floor(n / TWO_32);
  }

  function view(slot) { return bytes.subarray(record[slot], record[slot] + record[slot + 1]); }

  function string(slot) { return record[slot + 1] === 0 ? '' : text(view(slot)); }

  function check(failed) {
    refresh();
    if (failed) throw new SmartSocketError(string(SLOT_CODE), string(SLOT_TEXT));
  }

  function result() { return bytes.slice(record[SLOT_PAYLOAD], record[SLOT_PAYLOAD] + record[SLOT_PAYLOAD + 1]); }

  function payload(flags) {
    if (flags & FLAG_BINARY) return view(SLOT_PAYLOAD).slice().buffer;
    return record[SLOT_PAYLOAD + 1] === 0 ? undefined : string(SLOT_PAYLOAD);
  }

  function fields(kind) {
    var f = SLOT_FIELD;
    switch (kind) {
      case HELLO:
        return { version: number(f), random: view(f + 2).slice(), algorithms: view(f + 4).slice(), authRequired: record[f + 8] === 1, resumeSupported: record[f + 10] === 1, maxMessageBytes: number(f + 12), handshakeTimeout: number(f + 14) };
      case CONNECT_ACK:
        return { socketId: string(f), sessionToken: view(f + 2).slice(), recovered: record[f + 4] === 1, heartbeatInterval: number(f + 6), compressionThreshold: number(f + 8), maxMessageBytes: number(f + 10), serverTime: number(f + 12) };
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
    return encoder.encodeInto(s, bytes.subarray(at)).written;
  }

  // putConnect writes the arguments of a CONNECT: byte values into the input, their lengths and the numbers into the record.
  function putConnect(c, more) {
    var values = [c.random, utf8(c.namespace), utf8(c.apiKey), c.sessionToken, utf8(c.client)].concat(more);
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

  // ends wraps the handle of a connection's keys, which close gives back.
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
        event: string(SLOT_EVENT),
        payload: carriesData ? payload(flags) : undefined,
        fields: carriesData ? null : fields(kind)
      };
    },

    encode: function (kind, event, data, ackLow, ackHigh, withAck, threshold, limit) {
      var flags = withAck ? FLAG_ACK : 0, room = event.length * 3, source = data;
      if (data !== undefined && typeof data !== 'string') flags |= FLAG_BINARY;
      if (typeof data === 'string' && data.length > INPLACE_LIMIT) source = utf8(data);
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
      putConnect(c, [utf8(key), hello]);
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

var loading = new Map(); // wasm URL → promise of its engine: clients of one page share an instance

// loadWasmEngine resolves with the engine at url, or with the one beside this script.
export function loadWasmEngine(url) {
  if (typeof WebAssembly !== 'object' || typeof TextEncoder !== 'function' || !TextEncoder.prototype.encodeInto) {
    return Promise.reject(new Error('this browser has no WebAssembly or no TextEncoder.encodeInto'));
  }
  var wasmURL = resolveURL(url || 'smartsocket.wasm');
  var promise = loading.get(wasmURL);
  if (!promise) {
    promise = startEngine(wasmURL);
    loading.set(wasmURL, promise);
    promise.catch(function () { loading.delete(wasmURL); }); // a later connect may try again
  }
  return promise;
}

// forgetEngines makes the next connection load its engine anew, after one failed for good.
export function forgetEngines() {
  loading.clear();
}

function resolveURL(url) {
  return environment.baseURL ? new URL(url, environment.baseURL).href : url;
}

function startEngine(wasmURL) {
  return Promise.all([loadGo(wasmURL), source(wasmURL)]).then(function (parts) {
    var go = new parts[0]();
    return parts[1](go.importObject).then(function (loaded) {
      go.run(loaded.instance); // returns to us as soon as main blocks; its promise would resolve only at exit
      return wasmEngine(loaded.instance.exports);
    });
  });
}

// loadGo runs the wasm_exec.js that lies beside the engine, which leaves Go's class in one slot that is emptied at once.
function loadGo(wasmURL) {
  var url = new URL('wasm_exec.js', wasmURL).href;
  function take() {
    var slot = typeof Symbol === 'function' ? Symbol.for(GO_SLOT) : GO_SLOT;
    var Go = environment.root[slot] || loadGo.Go;
    delete environment.root[slot];
    return loadGo.Go = Go; // a module is evaluated only once, however often it is imported
  }
  return environment.loadScript(url).then(take).then(function (Go) {
    return Go || environment.loadScript(url + '?' + Math.random()).then(take); // another copy of this client took the first
  }).then(function (Go) {
    if (!Go) throw new Error('wasm_exec.js did not provide Go: it must be the file built together with this client');
    return Go;
  });
}

// source starts the download and resolves with a function that instantiates it.
function source(url) {
  if (url.indexOf('file:') === 0) {
    return new Promise(function (resolve) { resolve(environment.readFile(url)); }).then(instantiateBytes);
  }
  return fetch(url, { credentials: 'same-origin' }).then(function (response) {
    if (!response.ok) throw new Error('loading ' + url + ' answered ' + response.status);
    var type = response.headers.get('Content-Type') || '';
    if (typeof WebAssembly.instantiateStreaming === 'function' && /^application\/wasm/i.test(type)) {
      return function (imports) { return WebAssembly.instantiateStreaming(response, imports); };
    }
    return response.arrayBuffer().then(instantiateBytes);
  });
}

function instantiateBytes(buffer) {
  return function (imports) { return WebAssembly.instantiate(buffer, imports); };
}
