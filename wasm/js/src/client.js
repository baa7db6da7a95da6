// SmartSocketClient: the public API. It owns what outlives one connection: the session with its
// ledger, the listeners, the pending acks, the events that are parked, and reconnecting. A
// connection is a Link (link.js).
//
//   idle ──connect()──► connecting ──► connected ──loss──► waiting ──► connecting …
//
// disconnect() leads to closed from every state. A failed first attempt, a final refusal and giving
// up lead to idle.

import { CODES, SmartSocketError, errorToWire } from './errors.js';
import { logger } from './logger.js';
import { canInflate, chooseEngine, prepare } from './engine.js';
import { CAP, HEALTHY, backoff, isFatal } from './backoff.js';
import { Listeners, isLifecycle } from './listeners.js';
import { readOptions, socketURL } from './options.js';
import { encodeData } from './payload.js';
import { Link, errorOf, valueOf } from './link.js';
import { ACK, ERROR, EVENT, FLAG_ACK, FLAG_SEQ, GOAWAY, TWO_32 } from './wire.js';

// host is what differs between the builds: loadWasm(url) → promise of an engine, loadSocket() →
// promise of a WebSocket class. Either may be missing. script.js fills it in; index.js and node.js
// pass their own.
export var host = {};

// SmartSocketClient may be called with or without new. ownHost is for the builds.
export function SmartSocketClient(url, options, ownHost) {
  if (!(this instanceof SmartSocketClient)) return new SmartSocketClient(url, options, ownHost);
  this._host = ownHost || host;
  this._options = readOptions(options, !!this._host.loadWasm);
  this._url = socketURL(url);
  this.maxReconnectAttempts = this._options.maxReconnectAttempts; // for wrappers of connect()
  this._log = this._options.logger || logger;
  this._listeners = new Listeners();
  this._state = 'idle';
  this._link = null;
  this._connecting = null; // promise of the running attempt, with its resolve and reject
  this._lost = false; // a connection was lost and is not replaced yet
  this._attempt = 0;
  // Attempts that a full server refused, or one that throttles us; they do not count against
  // maxReconnectAttempts.
  this._busy = 0;
  this._timer = null;
  this._healthTimer = null;
  this._drain = null; // {at, url} after GOAWAY
  this._token = new Uint8Array(0);
  // The questions: id → {event, settle, timer, sent, nth}. sent is the {payload} that a recovered
  // session sends again, nth its number in the session.
  this._acks = new Map();
  this._nextAck = 1;
  this._newSession();
  this._parked = []; // {event, payload, ack, at} of events that wait for a connection
  this._stats = { messagesSent: 0, messagesReceived: 0, bytesSent: 0, bytesReceived: 0, reconnects: 0, dropped: 0, unknownAcks: 0, invalidMessages: 0 };
  this._connectedAt = 0;
  this.connected = false;
  this.id = '';
  this.data = {};
}

SmartSocketClient.prototype.connect = function () {
  if (this._state === 'connected') return Promise.resolve();
  if (this._state === 'connecting') return this._connecting.promise;
  var attempt = {};
  clearTimeout(this._timer);
  this._timer = null;
  attempt.promise = new Promise(function (resolve, reject) {
    attempt.resolve = resolve;
    attempt.reject = reject;
  });
  this._connecting = attempt;
  this._state = 'connecting';
  this._log.info('Connecting to ' + this._url);
  this._link = this._openLink(attempt);
  return attempt.promise;
};

// _openLink starts one connection for the attempt.
SmartSocketClient.prototype._openLink = function (attempt) {
  var self = this, options = this._options, link;
  link = new Link({
    url: this._url,
    WebSocket: function () { return self._socketClass(); },
    engine: function () {
      return chooseEngine(options, self._host.loadWasm, self._log, function (engine) { if (link.phase !== 'ended') link.engine = engine; });
    },
    prepare: function (engine) { return prepare(engine, options, self._log); },
    canInflate: function (engine) { return canInflate(engine, options); },
    compression: options.compression,
    key: options.enableEncryption ? options.encryptionKey : null,
    namespace: options.namespace,
    apiKey: options.apiKey,
    token: this._token,
    lastSeq: this._lastSeq,
    connectTimeout: options.connectTimeout,
    log: this._log
  }, {
    ready: function (ack) { self._ready(link, ack, attempt); },
    message: function (m) { self._received(link, m); },
    invalid: function (error) { self._invalid(error); },
    closed: function (error, code, reason, wasReady) {
      self._countBytes(link);
      if (wasReady) self._lose(error, code, reason);
      else self._failAttempt(error, code, attempt);
    }
  });
  return link;
};

// _socketClass resolves with the constructor of WebSockets.
SmartSocketClient.prototype._socketClass = function () {
  var given = this._options.WebSocket || (typeof WebSocket === 'function' ? WebSocket : null), load = this._host.loadSocket;
  if (given) return Promise.resolve(given);
  if (load) return load();
  return Promise.reject(new Error('there is no WebSocket here; pass one as option WebSocket'));
};

// _ready runs when the handshake is done.
SmartSocketClient.prototype._ready = function (link, ack, attempt) {
  var self = this, again = this._lost, unknown = ack.recovered ? [] : this._sentAcks(), missing = null;
  if (!ack.recovered) this._newSession();
  this._token = ack.sessionToken;
  this._state = 'connected';
  this._connecting = null;
  this._lost = false;
  this._drain = null;
  this._connectedAt = Date.now();
  this.connected = true;
  this.id = ack.socketId;
  this._healthTimer = setTimeout(function () { self._attempt = self._busy = 0; }, HEALTHY);
  this._log.info('Connected to server');
  if (ack.recovered) missing = this._sendAgain(link, ack.arrived);
  // Answers that came without a connection.
  this._ledger.forEach(function (answer) { if (!answer.on) self._answer(answer); });
  this._flush();
  this._loseAcks(unknown, new SmartSocketError(CODES.CONNECTION_LOST, 'the session ended with the lost connection; whether the server handled this is unknown'));
  if (again) this._stats.reconnects++;
  if (this._link === link) { // a failing engine may have ended it already
    this._raise('connected');
    if (again) this._raise('reconnected', ack.recovered);
  }
  if (missing) this._raiseError(missing);
  attempt.resolve();
};

// _newSession forgets the previous session.
SmartSocketClient.prototype._newSession = function () {
  this._lastSeq = 0;
  // ack id → our answer to the server: {kind, payload, low, high, on}; on is the link that sent it
  // last
  this._ledger = new Map();
  this._sent = []; // the last events of the session: {event, payload, ack, size}
  this._sentBytes = 0;
  this._sentCount = 0; // how many events the session has sent
};

// _failAttempt settles an attempt that never became a connection.
SmartSocketClient.prototype._failAttempt = function (error, code, attempt) {
  this._link = null;
  this._connecting = null;
  this._state = this._lost ? 'waiting' : 'idle';
  this._log.info('Connecting failed: ' + error.code + ' ' + error.message);
  if (this._lost) {
    if (isFatal(code, error.code)) this._giveUp(error);
    else {
      if (error.code === CODES.MAX_CONNECTIONS || error.code === CODES.THROTTLED) this._busy++;
      this._scheduleReconnect(error.retryAfter);
    }
  }
  attempt.reject(error);
};

// _lose runs when an open connection ended and disconnect() was not called.
SmartSocketClient.prototype._lose = function (error, code, reason) {
  var fatal = isFatal(code);
  if (!fatal && isFatal(0, error.code)) { // as when the credentials have expired
    this._raiseError(error);
    error = new SmartSocketError(CODES.CONNECTION_LOST, 'the connection was lost (close code ' + code + ')', error);
  }
  this._leave();
  this._lost = !fatal;
  this._state = fatal ? 'idle' : 'waiting';
  this._log.info('Disconnected: ' + error.message);
  this._loseAcks(fatal || this._token.length === 0 ? this._sentAcks() : this._tooMuchToKeep(), error);
  if (fatal) this._clearQueue(error);
  this._raise('disconnected', reason || (code >= 1000 && code !== 1006 ? 'closed by the server' : 'connection lost'), { code: code, reason: reason, reconnects: this._lost && this._options.maxReconnectAttempts !== 0 });
  if (fatal) this._raiseError(error);
  else if (this._state === 'waiting' && this._timer === null) this._scheduleReconnect();
};

// _leave forgets the current link.
SmartSocketClient.prototype._leave = function () {
  clearTimeout(this._healthTimer);
  this._link = null;
  this.connected = false;
};

// _scheduleReconnect waits for least milliseconds more, or ten minutes if that is less.
SmartSocketClient.prototype._scheduleReconnect = function (least) {
  var self = this, max = this._options.maxReconnectAttempts;
  if (max >= 0 && this._attempt - this._busy >= max) {
    this._giveUp(new SmartSocketError(CODES.CONNECTION_LOST, 'the connection was lost: ' + (max === 0 ? 'reconnecting is switched off' : max + ' attempts to reconnect failed; call connect() to try again')));
    return;
  }
  var delay = backoff(++this._attempt, this._options.reconnectDelay, Math.random());
  if (least > 0) delay += Math.min(least, 600000);
  if (this._drain) {
    delay = Math.max(0, this._drain.at - Date.now());
    if (this._drain.url) this._url = this._drain.url;
    this._drain = null;
  }
  this._log.info('Reconnecting in ' + delay + ' ms, attempt ' + this._attempt);
  this._timer = setTimeout(function () { self._reconnect(); }, delay);
  this._raise('reconnecting', this._attempt, delay);
};

// _reconnect calls the public connect, so that an application can wrap it.
SmartSocketClient.prototype._reconnect = function () {
  var self = this;
  this._timer = null;
  new Promise(function (resolve) { resolve(self.connect()); }).catch(function (error) {
    self._log.debug('reconnecting failed: ' + (error && error.message));
    // A wrapper of connect() failed before it called us.
    if (self._state === 'waiting' && self._timer === null) self._scheduleReconnect();
  });
};

// _giveUp ends reconnecting for good.
SmartSocketClient.prototype._giveUp = function (error) {
  this._lost = false;
  this._state = 'idle';
  this._attempt = this._busy = 0;
  this._loseAcks(this._sentAcks(), error);
  this._clearQueue(error);
  this._raiseError(error);
};

SmartSocketClient.prototype.disconnect = function () {
  var was = this._state, link = this._link, attempt = this._connecting;
  var error = new SmartSocketError(CODES.CONNECTION_LOST, 'disconnect() was called');
  this._state = 'closed';
  this._lost = false;
  this._attempt = this._busy = 0;
  this._drain = null;
  this._token = new Uint8Array(0);
  this._newSession();
  this._connecting = null;
  clearTimeout(this._timer);
  this._timer = null;
  this._leave();
  if (link) {
    this._countBytes(link);
    link.close();
  }
  this._loseAcks(this._sentAcks(), error);
  this._clearQueue(error);
  if (attempt) attempt.reject(error);
  if (was === 'connected') this._raise('disconnected', 'disconnect() was called', { code: 1000, reason: '', reconnects: false });
};

// _received takes an EVENT, ACK, ERROR or GOAWAY of the open link.
SmartSocketClient.prototype._received = function (link, m) {
  var wanted = ackOf(m);
  this._stats.messagesReceived++;
  if (m.flags & FLAG_SEQ) {
    if (m.seq <= this._lastSeq) { // handled before
      if (m.flags & FLAG_ACK && this._ledger.has(wanted)) this._answer(this._ledger.get(wanted));
      return;
    }
    this._lastSeq = m.seq;
  }
  switch (m.kind) {
    case EVENT: this._event(m); break;
    case ACK: this._settle(wanted, m, null); break;
    case ERROR: this._peerError(link, m, wanted); break;
    case GOAWAY: this._goaway(link, m.fields); break;
    default: this._invalid(new SmartSocketError(CODES.INVALID_FORMAT, 'the server sent a message of kind ' + m.kind + ' outside the handshake'));
  }
};

SmartSocketClient.prototype._event = function (m) {
  var value, reply = this._replier(m);
  if (isLifecycle(m.event)) {
    this._invalid(new SmartSocketError(CODES.INVALID_FORMAT, 'the server sent the reserved event "' + m.event + '"'));
    return;
  }
  if (!this._listeners.has(m.event)) {
    this._log.debug('No listener for event: ' + m.event);
    reply(undefined, new SmartSocketError(CODES.NO_HANDLER, 'the client has no listener for "' + m.event + '"'));
    return;
  }
  try {
    value = valueOf(m);
  } catch (e) {
    reply(undefined, new SmartSocketError(CODES.INVALID_FORMAT, 'the data is not JSON'));
    this._invalid(new SmartSocketError(CODES.INVALID_FORMAT, 'the data of event "' + m.event + '" is not JSON', e));
    return;
  }
  this._raise(m.event, value, reply);
};

// _replier makes the ack function of one event. The function does nothing if the server asked for
// no ack, or after its first call.
SmartSocketClient.prototype._replier = function (m) {
  var self = this, open = (m.flags & FLAG_ACK) !== 0, ledger = this._ledger;
  return function (response, error) {
    if (!open) return;
    var failed = error !== undefined && error !== null;
    // If this throws, the ack is still open for the error.
    var payload = failed ? errorToWire(error) : encodeData(response, m.event);
    open = false;
    if (ledger !== self._ledger) return; // the session is over, so nobody waits for the answer
    var answer = { kind: failed ? ERROR : ACK, payload: payload, low: m.ackLow, high: m.ackHigh, on: null };
    if (self._token.length > 0 && !(payload && payload.length > MAX_ANSWER)) {
      if (payload instanceof Uint8Array) answer.payload = new Uint8Array(payload);
      ledger.set(ackOf(m), answer);
      if (ledger.size > MAX_ANSWERS) ledger.delete(ledger.keys().next().value);
    }
    self._answer(answer);
  };
};

// Bounds of the ledger. After a recovery the server repeats the questions that it got no answer to.
var MAX_ANSWERS = 256, MAX_ANSWER = 16384;

// _answer sends an answer, at most once on each link.
SmartSocketClient.prototype._answer = function (answer) {
  var link = this._link;
  if (!this.connected || answer.on === link) return;
  answer.on = link;
  try {
    this._transmit(link.encode(answer.kind, '', answer.payload, answer.low, answer.high, true));
  } catch (e) {
    if (!(e instanceof SmartSocketError)) throw e;
    // The engine failed and ended the connection; the server may repeat the question on the next
    // one.
    if (link.phase !== 'ready') return;
    answer.kind = ERROR; // the answer is too large, so the server gets an error instead
    answer.payload = errorToWire(e);
    this._transmit(link.encode(ERROR, '', answer.payload, answer.low, answer.high, true));
    this._raiseError(e);
  }
};

function ackOf(m) { return m.ackHigh * TWO_32 + m.ackLow; }

// _settle hands the answer m, or the error, to the question with this ack id.
SmartSocketClient.prototype._settle = function (id, m, error) {
  var entry = this._acks.get(id), value;
  if (!entry) {
    this._stats.unknownAcks++;
    this._log.debug(CODES.ACK_UNKNOWN + ': an answer came for ack ' + id + ', which nobody waits for');
    return;
  }
  this._acks.delete(id);
  clearTimeout(entry.timer);
  if (!error) {
    try {
      value = valueOf(m);
    } catch (e) {
      error = new SmartSocketError(CODES.ACK_INVALID, 'the answer to "' + entry.event + '" is not JSON', e);
    }
  }
  try {
    entry.settle(value, error || undefined);
  } catch (thrown) {
    this._listenerFailed(entry.event, thrown);
  }
};

SmartSocketClient.prototype._peerError = function (link, m, id) {
  var error = errorOf(m);
  if (m.flags & FLAG_ACK) {
    this._settle(id, m, error);
    return;
  }
  // The server closes next, and this becomes the reason. One with an event is only about that.
  if (isFatal(0, error.code) && !error.event) link.refusal = error;
  else this._raiseError(error);
};

// _goaway plans the move to another server, or back to this one, at a random time within the
// window, but not later than after the longest delay of our own.
SmartSocketClient.prototype._goaway = function (link, fields) {
  var self = this, wait = Math.random() * Math.min(fields.reconnectWindow, CAP), url = '';
  if (fields.url) {
    try {
      url = socketURL(fields.url);
    } catch (e) {
      this._log.warn('the server named an unusable URL to move to');
    }
    // Never from encrypted to plain.
    if (this._url.indexOf('wss:') === 0 && url.indexOf('ws:') === 0) url = '';
  }
  this._log.info('The server is going away; reconnecting in ' + Math.round(wait) + ' ms');
  this._drain = { at: Date.now() + wait, url: url };
  setTimeout(function () {
    if (self._link !== link || link.phase !== 'ready') return;
    link.end(new SmartSocketError(CODES.CONNECTION_LOST, 'the server asked its clients to reconnect'), 1001, 'going away');
  }, wait);
};

SmartSocketClient.prototype._invalid = function (error) {
  this._stats.invalidMessages++;
  this._raiseError(error);
};

// on, once and off return the client, so that calls can be chained.
SmartSocketClient.prototype.on = function (event, listener) {
  this._listeners.add(event, listener, false);
  return this;
};

SmartSocketClient.prototype.once = function (event, listener) {
  this._listeners.add(event, listener, true);
  return this;
};

SmartSocketClient.prototype.off = function (event, listener) {
  this._listeners.remove(event, listener);
  return this;
};

// _raise calls the listeners of event. For an event of the server b is the ack function; if a
// listener throws, the answer is an error.
SmartSocketClient.prototype._raise = function (event, a, b) {
  var self = this;
  return this._listeners.emit(event, a, b, function (thrown) {
    self._listenerFailed(event, thrown);
    if (typeof b === 'function') b(undefined, new SmartSocketError(CODES.HANDLER_FAILED, 'the listener of "' + event + '" failed'));
  });
};

SmartSocketClient.prototype._listenerFailed = function (event, thrown) {
  if (typeof console === 'object') console.error('[smartsocket] [error] a listener of "' + event + '" failed:', thrown);
};

SmartSocketClient.prototype._raiseError = function (error) {
  if (!this._options.enableErrorHandling || !this._raise('error', error)) this._log.error(error.code + ' ' + error.message);
};

SmartSocketClient.prototype._countBytes = function (link) {
  this._stats.bytesSent += link.bytesSent;
  this._stats.bytesReceived += link.bytesReceived;
};

SmartSocketClient.prototype.getStats = function () {
  var s = this._stats, link = this._link, out = {};
  for (var name in s) out[name] = s[name];
  if (link) {
    out.bytesSent += link.bytesSent;
    out.bytesReceived += link.bytesReceived;
  }
  out.connected = this.connected;
  out.uptime = this.connected ? Date.now() - this._connectedAt : 0;
  out.rtt = link ? link.rtt : 0;
  out.clockOffset = link ? link.clockOffset : 0;
  out.queued = this._parked.length;
  out.pendingAcks = this._acks.size;
  out.encrypted = this.connected && link.ends !== null;
  out.engine = link && link.engine ? link.engine.name : '';
  return out;
};
