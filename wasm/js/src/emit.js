// Sending: emit and emitWithAck, the questions that wait for answers, and the events that are
// parked until there is a connection.

import { CODES, SmartSocketError } from './errors.js';
import { SmartSocketClient } from './client.js';
import { isEventName } from './bytes.js';
import { isReserved } from './listeners.js';
import { encodeData } from './payload.js';
import { EVENT, MAX_EVENT_NAME, MAX_TIMER, TWO_32 } from './wire.js';

// emit sends an event. With a callback it asks for an ack, and callback(response, error) runs
// exactly once. It returns whether the event was sent or parked. A failure goes to the callback, or
// without one to the error listeners.
SmartSocketClient.prototype.emit = function (event, data, callback) {
  if (callback === undefined && typeof data === 'function') {
    callback = data;
    data = undefined;
  }
  if (callback !== undefined && typeof callback !== 'function') throw new TypeError('the callback of emit must be a function');
  this._checkEvent(event, callback !== undefined);
  return this._emit(event, data, callback ? this._expect(event, callback, this._options.ackTimeout) : 0);
};

SmartSocketClient.prototype.send = SmartSocketClient.prototype.emit;

// emitWithAck sends an event and resolves with the answer. options: timeout in milliseconds, signal
// (AbortSignal).
SmartSocketClient.prototype.emitWithAck = function (event, data, options) {
  var self = this, timeout = options && options.timeout !== undefined ? options.timeout : this._options.ackTimeout, signal = options && options.signal;
  return new Promise(function (resolve, reject) {
    self._checkEvent(event, true);
    if (typeof timeout !== 'number' || !(timeout > 0)) throw new TypeError('timeout must be a positive number of milliseconds');
    if (signal && signal.aborted) throw abortError(signal);
    var id = self._expect(event, function (response, error) {
      if (signal) signal.removeEventListener('abort', abort);
      if (error) reject(error);
      else resolve(response);
    }, timeout);
    function abort() { self._settle(id, null, abortError(signal)); }
    if (signal) signal.addEventListener('abort', abort);
    self._emit(event, data, id);
  });
};

function abortError(signal) {
  if (signal.reason) return signal.reason;
  var e = new Error('the wait for an ack was aborted');
  e.name = 'AbortError';
  return e;
}

SmartSocketClient.prototype._checkEvent = function (event, wantsAck) {
  if (typeof event !== 'string') throw new TypeError('an event name is a string');
  if (!isEventName(event)) {
    throw new SmartSocketError(CODES.INVALID_FORMAT, 'an event name has 1 to ' + MAX_EVENT_NAME + ' bytes of UTF-8 without control characters');
  }
  if (isReserved(event)) throw new SmartSocketError(CODES.INVALID_FORMAT, 'the event name "' + event + '" is reserved; choose another');
  if (wantsAck && !this._options.enableAcknowledgments) {
    throw new SmartSocketError(CODES.ACK_INVALID, 'asking for an ack needs the option enableAcknowledgments');
  }
};

// _expect registers a question and returns its ack id.
SmartSocketClient.prototype._expect = function (event, settle, timeout) {
  var self = this, id = this._nextAck++;
  this._acks.set(id, {
    event: event,
    settle: settle,
    timer: setTimeout(function () {
      self._settle(id, null, new SmartSocketError(CODES.ACK_TIMEOUT, 'no answer to "' + event + '" within ' + timeout + ' ms'));
    }, Math.min(timeout, MAX_TIMER))
  });
  return id;
};

// _emit sends an event or parks it. ack is the id of a question, or 0.
SmartSocketClient.prototype._emit = function (event, data, ack) {
  var payload;
  try {
    payload = encodeData(data, event);
  } catch (error) {
    this._forget(ack);
    throw error;
  }
  if (this._log.enabled && this._log.enabled('debug')) this._log.debug('Emitting event: ' + event);
  // A WebSocket that is closing would drop it silently.
  if (this.connected && this._link.socket.readyState < 2) return this._sendEvent(event, payload, ack);
  if (this._state !== 'closed' && this._options.offlineQueue && this._options.offlineQueueSize > 0) {
    this._enqueue(event, payload, ack);
    return true;
  }
  return this._refuse(ack, neverSent(event, 'not connected'));
};

SmartSocketClient.prototype._sendEvent = function (event, payload, ack) {
  var bytes;
  try {
    bytes = this._link.encode(EVENT, event, payload, ack % TWO_32, Math.floor(ack / TWO_32), ack !== 0);
    this._transmit(bytes);
  } catch (error) {
    if (!(error instanceof SmartSocketError)) throw error;
    return this._refuse(ack, error);
  }
  if (this._token.length > 0) this._keep(event, payload instanceof Uint8Array ? new Uint8Array(payload) : payload, ack);
  return true;
};

// _keep remembers an event that was sent, in case the session is recovered later.
SmartSocketClient.prototype._keep = function (event, payload, ack) {
  var entry = this._acks.get(ack), size = payload ? payload.length : 0;
  this._sentCount++;
  if (entry) {
    entry.sent = entry.sent || { payload: payload };
    entry.nth = this._sentCount;
  }
  this._sentBytes += size;
  this._sent.push({ event: event, payload: payload, ack: ack, size: size });
  while (this._sent.length > MAX_KEPT || this._sentBytes > MAX_KEPT_BYTES) this._sentBytes -= this._sent.shift().size;
};

// _transmit hands bytes to the connection.
SmartSocketClient.prototype._transmit = function (bytes) {
  this._link.send(bytes);
  this._stats.messagesSent++;
  if (this._log.enabled && this._log.enabled('debug')) this._log.debug('Sent message (' + bytes.length + ' bytes)');
};

function neverSent(event, why) { return new SmartSocketError(CODES.CONNECTION_LOST, '"' + event + '" was never sent: ' + why); }

// _refuse reports that an event was not sent: to the callback of ack, or without one to the error
// listeners.
SmartSocketClient.prototype._refuse = function (ack, error) {
  var self = this;
  // Never before emit has returned, and never without a turn of the event loop: a callback may emit
  // again and again.
  setTimeout(function () {
    if (!ack) self._raiseError(error);
    else if (self._acks.has(ack)) self._settle(ack, null, error);
  }, 0);
  return false;
};

// _forget drops a question whose event was never accepted.
SmartSocketClient.prototype._forget = function (ack) {
  var entry = this._acks.get(ack);
  if (!entry) return;
  clearTimeout(entry.timer);
  this._acks.delete(ack);
};

// _enqueue parks an event until there is a connection, and drops the oldest when too many are
// parked.
SmartSocketClient.prototype._enqueue = function (event, payload, ack) {
  this._dropOld();
  while (this._parked.length >= this._options.offlineQueueSize) this._dropFirst('the offline queue is full');
  this._parked.push({ event: event, payload: payload instanceof Uint8Array ? new Uint8Array(payload) : payload, ack: ack, at: Date.now() });
};

SmartSocketClient.prototype._dropOld = function () {
  var oldest = Date.now() - this._options.offlineQueueAge;
  while (this._parked.length > 0 && this._parked[0].at < oldest) this._dropFirst('it waited too long for a connection');
};

SmartSocketClient.prototype._dropFirst = function (why) {
  var item = this._parked.shift();
  this._stats.dropped++;
  this._log.warn('Dropped event ' + item.event + ': ' + why);
  if (item.ack) this._refuse(item.ack, neverSent(item.event, why));
};

// _flush sends what is parked, in order. A question that has failed meanwhile is not sent, because
// its sender has given it up.
SmartSocketClient.prototype._flush = function () {
  var item;
  this._dropOld();
  while (this.connected && this._parked.length > 0) {
    item = this._parked.shift();
    if (item.ack && !this._acks.has(item.ack)) this._stats.dropped++;
    else this._sendEvent(item.event, item.payload, item.ack);
  }
};

// _clearQueue drops everything that is parked, because no connection will come.
SmartSocketClient.prototype._clearQueue = function (error) {
  while (this._parked.length > 0) this._dropFirst(error.message);
};

// Bounds of the events that are kept while the session may be recovered, and of the unanswered
// questions among them.
var MAX_KEPT = 1024, MAX_KEPT_BYTES = 1 << 20;

// _sentAcks lists the questions that are not parked any more.
SmartSocketClient.prototype._sentAcks = function () {
  var queued = new Set(), sent = [];
  this._parked.forEach(function (item) { queued.add(item.ack); });
  this._acks.forEach(function (entry, id) { if (!queued.has(id)) sent.push(id); });
  return sent;
};

// _tooMuchToKeep lists the questions among them that a recovered session will not send again.
SmartSocketClient.prototype._tooMuchToKeep = function () {
  var self = this, count = 0, bytes = 0;
  return this._sentAcks().filter(function (id) {
    var sent = self._acks.get(id).sent;
    if (sent && sent.payload) bytes += sent.payload.length;
    return !sent || ++count > MAX_KEPT || bytes > MAX_KEPT_BYTES;
  });
};

// _sendAgain sends, on the link that recovered the session, the questions without an answer, under
// their old ids, and the events that did not arrive. The server handles each ack id once. arrived
// is one more than the number of events that the server got, or 0 if it does not tell. The result
// is an error if events are missing that are not kept any more, else null.
SmartSocketClient.prototype._sendAgain = function (link, arrived) {
  var self = this, missing = arrived > 0 ? this._sentCount - arrived + 1 : 0;
  var again = missing > 0 ? this._sent.slice(-missing) : [], lost = new Set();
  missing -= again.length;
  again.forEach(function (item) { lost.add(item.ack); });
  this._sentCount = Math.max(arrived, 1) - 1;
  this._sentBytes = 0;
  this._sent = [];
  function send(event, payload, ack) {
    if (self._link === link) self._sendEvent(event, payload, ack);
    else self._keep(event, payload, ack); // the connection has ended meanwhile, and the next one sends it
  }
  this._acks.forEach(function (entry, id) {
    if (!entry.sent || lost.has(id)) return;
    if (entry.nth >= arrived) missing--;
    send(entry.event, entry.sent.payload, id);
  });
  again.forEach(function (item) {
    if (!item.ack || self._acks.has(item.ack)) send(item.event, item.payload, item.ack);
  });
  return missing > 0 ? new SmartSocketError(CODES.CONNECTION_LOST, missing + ' events did not arrive before the connection was lost, and are not kept any more') : null;
};

// _loseAcks fails the questions whose answers cannot come any more.
SmartSocketClient.prototype._loseAcks = function (ids, error) {
  var self = this;
  ids.forEach(function (id) {
    if (self._acks.has(id)) self._settle(id, null, error.code === CODES.CONNECTION_LOST ? error : new SmartSocketError(CODES.CONNECTION_LOST, 'the connection was lost: ' + error.message, error));
  });
};
