// Link: one connection, from the opening of its WebSocket to its end, with the handshake, the clock
// and the codec. It never reconnects.
//
//   opening ──open──► greeting ──HELLO──► joining ──CONNECT_ACK──► ready
//      └──────────────────┴──────────────────┴───────────────────────┴──► ended

import { CODES, SmartSocketError, errorFromWire } from './errors.js';
import { isEventName } from './bytes.js';
import { forgetEngines } from './engine.js';
import { ACK, CONNECT_ACK, ERROR, EVENT, FLAG_ACK, HELLO, PING, SUBPROTOCOL, TWO_32, VERSION } from './wire.js';

var CLIENT = 'smartsocket-js/dev'; // build.sh puts the version in
var DEFAULT_LIMIT = 16 * 1024 * 1024;
var MAX_LIMIT = 0x7fffffff; // what the wasm engine takes
var GRACE = 1000; // ms in which a page that slept reads what has arrived, before silence counts

// Link starts at once.
//
// config: url, WebSocket() and engine() → promises, prepare(engine) → promise that CONNECT waits
// for, canInflate(engine), compression, namespace, apiKey, key (base64 to encrypt, else null),
// token, lastSeq, connectTimeout, log.
//
// hooks: ready(ack), message(m) for EVENT, ACK, ERROR and GOAWAY, invalid(error), and
// closed(error, code, reason, wasReady), which is called exactly once unless close() came first.
export function Link(config, hooks) {
  var self = this;
  this.config = config;
  this.hooks = hooks;
  this.phase = 'opening';
  this.socket = null;
  this.engine = null;
  // The keys, from CONNECT on. They stay in the engine that made them. Once they are set nothing
  // goes in clear.
  this.ends = null;
  this.refusal = null; // the last ERROR before the server closes
  this.limit = DEFAULT_LIMIT;
  this.threshold = 0; // above it payloads are compressed; 0 = never
  this.bytesSent = this.bytesReceived = 0;
  this.rtt = 0; // milliseconds, as the server measured it
  this.clockOffset = 0; // milliseconds to add to our clock for the server's
  // For each of the last pings, the server's clock when it was sent minus ours when it came, in
  // milliseconds.
  this.aheads = [];
  this.rtts = [];
  this.heard = 0;
  this.watch = null;
  this.timer = setTimeout(function () {
    self.end(new SmartSocketError(CODES.TIMEOUT, 'no connection to ' + config.url + ' within ' + config.connectTimeout + ' ms; check that the server runs'), 0, '');
  }, config.connectTimeout);
  Promise.all([config.WebSocket(), config.engine()]).then(function (found) { self.open(found[0], found[1]); }, function (error) {
    self.end(new SmartSocketError(CODES.HANDSHAKE_FAILED, 'the client could not start: ' + error.message, error), 0, '');
  });
}

Link.prototype.open = function (Socket, engine) {
  if (this.phase === 'ended') return;
  var self = this, socket;
  engine = this.engine = this.engine || engine; // the engine may have been swapped by now
  this.prepared = this.config.prepare(engine);
  this.prepared.catch(function () {}); // greet reports the error
  try {
    socket = this.socket = new Socket(this.config.url, [SUBPROTOCOL]);
  } catch (error) {
    this.end(new SmartSocketError(CODES.REFUSED, 'no WebSocket could be opened: ' + error.message, error), 0, '');
    return;
  }
  var failure = '';
  socket.binaryType = 'arraybuffer';
  socket.onopen = function () { self.opened(); };
  socket.onmessage = function (e) { self.received(e.data); };
  socket.onerror = function (e) {
    failure = e && e.message || failure;
    // In Node 22 no close event follows.
    if (self.phase === 'opening') setTimeout(function () { self.end(self.explain(1006, '', failure), 1006, ''); }, 0);
  };
  socket.onclose = function (e) { self.end(self.explain(e.code, e.reason, failure), e.code, e.reason); };
  // Package ws tells how the upgrade was answered. A browser does not, and there the server refuses
  // in the protocol.
  if (socket.on) {
    socket.on('unexpected-response', function (_request, response) {
      var status = response.statusCode, seconds = response.headers['retry-after'];
      if (status === 429) {
        self.refusal = errorFromWire({
          code: CODES.THROTTLED,
          message: 'throttled after failed authentications (HTTP 429, failureLimit); try again in ' + seconds + ' s',
          retryAfter: seconds * 1000 || 0
        });
      }
      self.end(self.explain(1006, '', 'Unexpected server response: ' + status), 1006, '');
    });
  }
};

Link.prototype.opened = function () {
  this.config.log.debug('WebSocket connection opened');
  if (this.socket.protocol !== SUBPROTOCOL) {
    this.end(new SmartSocketError(CODES.HANDSHAKE_FAILED, this.config.url + ' does not speak ' + SUBPROTOCOL), 0, '');
    return;
  }
  this.phase = 'greeting';
};

// received takes one WebSocket message: a string or an ArrayBuffer.
Link.prototype.received = function (data) {
  var bytes = typeof data === 'string' ? null : new Uint8Array(data), sealed = this.ends !== null, m;
  this.heard = Date.now();
  this.bytesReceived += data.length || data.byteLength || 0;
  // A server that could not open our CONNECT has no keys to seal its refusal with.
  if (sealed && this.phase === 'joining' && bytes && bytes[0] === ERROR) sealed = false;
  try {
    if (sealed) bytes = this.unseal(bytes);
    m = bytes ? this.engine.decode(bytes, this.limit) : fromJSON(data);
    if (m.kind === PING) {
      this.pong(m.fields);
      return;
    }
  } catch (error) {
    if (error instanceof SmartSocketError && error.code === CODES.DECRYPTION) this.distrust(error);
    else this.undecodable(error);
    return;
  }
  if (m.kind === HELLO) this.hello = bytes;
  if (this.phase === 'ready') this.hooks.message(m);
  else this.handshake(m);
};

// unseal opens what must be encrypted; text never is.
Link.prototype.unseal = function (bytes) {
  if (!bytes) throw new SmartSocketError(CODES.DECRYPTION, 'the server sent a message in clear on an encrypted connection');
  return this.ends.open(bytes);
};

// distrust ends a connection on which a message was not sealed with the key.
Link.prototype.distrust = function (error) {
  if (this.phase === 'ready') {
    this.hooks.invalid(error);
    this.end(error, 0, '', CLOSE_DECRYPT);
    return;
  }
  this.end(new SmartSocketError(CODES.AUTH_FAILED, 'the server did not prove that it has the encryption key', error), 0, '', CLOSE_DECRYPT);
};

// undecodable reports a message that makes no sense. Any other error means that the engine has
// failed, so the next connection gets a new one.
Link.prototype.undecodable = function (error) {
  var ready = this.phase === 'ready';
  if (!(error instanceof SmartSocketError)) {
    forgetEngines();
    this.end(new SmartSocketError(ready ? CODES.CONNECTION_LOST : CODES.HANDSHAKE_FAILED, 'the codec engine failed: ' + error.message, error), 0, '');
  } else if (ready) {
    this.hooks.invalid(error);
  } else {
    this.end(new SmartSocketError(CODES.HANDSHAKE_FAILED, 'the handshake could not be decoded: ' + error.message, error), 0, '');
  }
};

Link.prototype.handshake = function (m) {
  if (m.kind === ERROR) {
    this.refusal = errorOf(m);
  } else if (m.kind === HELLO && this.phase === 'greeting') {
    this.greet(m.fields);
  } else if (m.kind === CONNECT_ACK && this.phase === 'joining') {
    this.config.log.debug('Received CONNECT_ACK');
    this.phase = 'ready';
    this.refusal = null;
    clearTimeout(this.timer);
    this.setLimit(m.fields.maxMessageBytes);
    if (this.config.compression) this.threshold = Math.min(m.fields.compressionThreshold, MAX_LIMIT);
    this.watchSilence(m.fields.heartbeatInterval);
    this.hooks.ready(m.fields);
  } else {
    this.end(new SmartSocketError(CODES.HANDSHAKE_FAILED, 'the server sent a message of kind ' + m.kind + ' in the middle of the handshake'), 0, '');
  }
};

// greet answers HELLO with CONNECT.
Link.prototype.greet = function (hello) {
  var self = this, config = this.config, random = new Uint8Array(32);
  if (hello.version !== VERSION) {
    this.end(new SmartSocketError(CODES.HANDSHAKE_FAILED, 'the server speaks version ' + hello.version + ' of the protocol, this client version ' + VERSION), 0, '');
    return;
  }
  var algorithm = Array.prototype.filter.call(hello.algorithms, function (a) { return a === 1 || a === 2; })[0];
  var mismatch = !config.key ? hello.algorithms.length > 0 && 'the server requires encryption: set enableEncryption and encryptionKey'
    : (!algorithm || hello.random.length !== 32) && 'the server offers no encryption that this client knows, and nothing was sent in clear: give the server a key, or take enableEncryption away';
  if (mismatch) {
    this.end(new SmartSocketError(CODES.AUTH_FAILED, mismatch), 0, '');
    return;
  }
  this.setLimit(hello.maxMessageBytes);
  if (typeof crypto === 'object' && crypto.getRandomValues) crypto.getRandomValues(random);
  else if (config.key) {
    this.end(new SmartSocketError(CODES.HANDSHAKE_FAILED, 'there is no crypto.getRandomValues here, which encryption needs'), 0, '');
    return;
  }
  this.phase = 'joining';
  this.prepared.then(function () {
    if (self.phase !== 'joining') return;
    config.log.debug('Sending CONNECT message');
    self.join(algorithm, {
      random: random,
      namespace: config.namespace || '',
      apiKey: config.apiKey || '',
      sessionToken: hello.resumeSupported ? config.token : new Uint8Array(0),
      lastSeq: hello.resumeSupported ? config.lastSeq : 0,
      canInflate: config.canInflate(self.engine),
      client: CLIENT
    });
  }).catch(function (error) {
    self.end(error instanceof SmartSocketError ? error : new SmartSocketError(CODES.HANDSHAKE_FAILED, 'CONNECT could not be sent: ' + error.message, error), 0, '');
  });
};

// join sends CONNECT, sealed when there is a key.
Link.prototype.join = function (algorithm, connect) {
  if (!this.config.key) {
    this.send(this.engine.encodeConnect(connect));
    return;
  }
  var sealed = this.engine.encodeSealedConnect(connect, this.config.key, this.hello, algorithm);
  this.write(sealed.connect);
  this.ends = sealed.ends;
};

Link.prototype.setLimit = function (maxMessageBytes) {
  if (maxMessageBytes > 0) this.limit = Math.min(maxMessageBytes, MAX_LIMIT);
};

Link.prototype.pong = function (ping) {
  var now = Date.now();
  keep(this.aheads, ping.serverTime / 1000 - now);
  if (ping.rtt > 0) {
    keep(this.rtts, this.rtt = ping.rtt / 1000);
    // Every ping took at least half of the shortest round trip, and the quickest hardly longer. The
    // rtt in a ping belongs to an earlier ping.
    this.clockOffset = Math.max.apply(null, this.aheads) + Math.min.apply(null, this.rtts) / 2;
  }
  if (this.interval && now - this.since > this.interval / 2) this.pinged = true;
  this.send(this.engine.encodePong({ serverTime: ping.serverTime, rtt: ping.rtt, clientTime: now * 1000 }));
};

// keep adds n to a list of the last eight. Older ones do not count, because clocks drift and are
// set.
function keep(list, n) {
  if (list.push(n) > 8) list.shift();
}

// watchSilence ends the connection when a server that pings falls silent, because a browser notices
// a dead network only after minutes.
Link.prototype.watchSilence = function (interval) {
  if (!interval) return;
  var self = this, suspected = false;
  this.interval = interval;
  this.since = Date.now();
  this.pinged = false; // true once we know that the server pings with its heartbeat
  function look() {
    var silent = self.pinged && Date.now() - self.heard > interval * 2.5;
    if (silent && suspected) {
      self.end(new SmartSocketError(CODES.CONNECTION_LOST, 'nothing was heard from the server for ' + (Date.now() - self.heard) + ' ms'), 0, '');
      return;
    }
    suspected = silent;
    self.watch = setTimeout(look, silent ? GRACE : interval);
  }
  this.watch = setTimeout(look, interval);
};

// encode calls the engine with the limits of the server.
Link.prototype.encode = function (kind, event, payload, ackLow, ackHigh, withAck) {
  try {
    return this.engine.encode(kind, event, payload, ackLow, ackHigh, withAck, this.threshold, this.limit);
  } catch (error) {
    throw this.failed(error);
  }
};

// failed returns the error to throw for an error of the engine. If that is not a SmartSocketError,
// the engine has failed, and failed ends the connection.
Link.prototype.failed = function (error) {
  if (error instanceof SmartSocketError) return error;
  this.undecodable(error);
  return new SmartSocketError(CODES.CONNECTION_LOST, 'the codec engine failed: ' + error.message, error);
};

// send hands an encoded message to the WebSocket, sealed if the connection is encrypted.
Link.prototype.send = function (bytes) {
  if (this.phase === 'ended') return;
  if (this.ends) {
    try {
      bytes = this.ends.seal(bytes);
    } catch (error) {
      throw this.failed(error);
    }
  }
  this.write(bytes);
};

Link.prototype.write = function (bytes) {
  this.bytesSent += bytes.length;
  this.socket.send(bytes);
};

// close ends the connection because the application wants it. hooks.closed is not called.
Link.prototype.close = function () {
  this.detach(1000);
};

// end ends the connection and reports why. closeCode is the close code for the server; the default
// is CLOSE_LOST.
Link.prototype.end = function (error, code, reason, closeCode) {
  if (this.phase === 'ended') return;
  var wasReady = this.phase === 'ready';
  this.detach(closeCode || CLOSE_LOST);
  this.hooks.closed(error, code, reason, wasReady);
};

Link.prototype.detach = function (code) {
  var socket = this.socket;
  this.phase = 'ended';
  clearTimeout(this.timer);
  clearTimeout(this.watch);
  if (this.ends) this.ends.close();
  if (!socket) return;
  socket.onopen = socket.onmessage = socket.onclose = null;
  socket.onerror = function () {}; // a WebSocket that is closed while it connects raises an error
  try {
    socket.close(code);
  } catch (e) {
    this.config.log.debug('closing the WebSocket failed: ' + e.message);
  }
};

var CLOSE_DECRYPT = 3502;
var CLOSE_LOST = 3001; // unlike 1000 it leaves the session on the server, to be resumed

// CLOSE_ERRORS maps close codes with a meaning of their own to error codes.
var CLOSE_ERRORS = { 1009: CODES.TOO_LARGE, 1013: CODES.MAX_CONNECTIONS, 3001: CODES.TIMEOUT, 3500: CODES.AUTH_FAILED, 3501: CODES.INVALID_NAMESPACE, 3502: CODES.DECRYPTION };

// explain makes the error for a WebSocket that was closed by the server or the network.
Link.prototype.explain = function (code, reason, failure) {
  if (this.refusal) return this.refusal;
  var what = ' (close code ' + code + (reason ? ', ' + reason : '') + (failure ? ', ' + failure : '') + ')';
  if (CLOSE_ERRORS[code]) return new SmartSocketError(CLOSE_ERRORS[code], 'the server closed the connection' + what);
  if (this.phase === 'ready') return new SmartSocketError(CODES.CONNECTION_LOST, 'the connection was lost' + what);
  if (this.phase !== 'opening') return new SmartSocketError(CODES.HANDSHAKE_FAILED, 'the connection ended before the handshake did' + what);
  if (/unexpected server response|invalid .*header|subprotocol/i.test(failure)) {
    return new SmartSocketError(CODES.HANDSHAKE_FAILED, this.config.url + ' did not accept the WebSocket' + what);
  }
  return new SmartSocketError(CODES.REFUSED, 'no WebSocket could be opened to ' + this.config.url + what + '; check the address and that the server runs');
};

// errorOf makes an error of an ERROR message, even of one that makes no sense.
export function errorOf(m) {
  var value;
  try {
    value = valueOf(m);
  } catch (e) {
    value = null;
  }
  return errorFromWire(value);
}

// fromJSON reads the JSON encoding: {"event","data","ack"}, {"ack","data"}, {"ack","error"} or
// {"error"}. It does not notice some things that Go's codec refuses, because JSON.parse hides them:
// repeated keys, deep nesting and the spelling of numbers.
export function fromJSON(string) {
  var v;
  try {
    v = JSON.parse(string);
  } catch (e) {
    throw notAMessage();
  }
  if (!isObject(v)) throw notAMessage();
  var hasAck = v.ack !== undefined, hasEvent = v.event !== undefined, hasError = v.error !== undefined;
  if (hasAck && !(Number.isSafeInteger(v.ack) && v.ack >= 0)) throw notAMessage();
  if (hasEvent ? hasError || !isEventName(v.event) : hasError ? v.data !== undefined || !isObject(v.error) : !hasAck) throw notAMessage();
  return {
    kind: hasEvent ? EVENT : hasError ? ERROR : ACK,
    flags: hasAck ? FLAG_ACK : 0,
    seq: 0,
    ackLow: hasAck ? v.ack % TWO_32 : 0,
    ackHigh: hasAck ? Math.floor(v.ack / TWO_32) : 0,
    event: hasEvent ? v.event : '',
    payload: undefined,
    value: hasError ? v.error : v.data,
    fields: null
  };
}

function isObject(v) {
  return v !== null && typeof v === 'object' && !Array.isArray(v);
}

function notAMessage() {
  return new SmartSocketError(CODES.INVALID_FORMAT, 'a text message is not an event, an ack or an error in JSON');
}

// valueOf returns the user's data of a message: parsed JSON, an ArrayBuffer, or undefined.
export function valueOf(m) {
  return typeof m.payload === 'string' ? JSON.parse(m.payload) : m.payload !== undefined ? m.payload : m.value;
}

