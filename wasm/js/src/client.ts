// SmartSocketClient: the public API. It owns what outlives one connection: the listeners, the
// outbox with the session, and reconnecting. A connection is a Link (link.ts).
//
//   idle ──connect()──► connecting ──► connected ──loss──► waiting ──► connecting …
//
// disconnect() leads to closed from every state. A failed first attempt, a final refusal and giving
// up lead to idle.

import { CAP, HEALTHY, backoff, isFatal } from './backoff.js';
import { isEventName } from './bytes.js';
import type { ConnectAck, Goaway } from './codec.js';
import { Dispatch } from './dispatch.js';
import { CODES, SmartSocketError, connectionLost, invalidFormat, messageOf } from './errors.js';
import type {
  AckCallback, AckOptions, DataOf, EventMap, LifecycleEvents, Listener, Name, NameWithoutData,
  RateLimited, ResponseOf,
} from './events.js';
import { Link } from './link.js';
import type { Host } from './link.js';
import { Listeners, isReserved } from './listeners.js';
import type { Hearing } from './listeners.js';
import { logger } from './logger.js';
import type { Logger } from './logger.js';
import { readOptions, socketURL } from './options.js';
import type { Options, Settings } from './options.js';
import { Outbox } from './outbox.js';
import { Session } from './session.js';
import { newCounters } from './stats.js';
import type { Counters, Stats } from './stats.js';
import { MAX_EVENT_NAME } from './wire.js';

interface Attempt {
  _promise: Promise<void>;
  _resolve: () => void;
  _reject: (error: SmartSocketError) => void;
}

type Timer = ReturnType<typeof setTimeout> | undefined;
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * SmartSocket's client for browsers, workers and Node. `In` maps the events that the server sends,
 * `Out` those that the client sends; without them any event may have any data and any answer.
 */
export class SmartSocketClient<In extends object = EventMap, Out extends object = EventMap> {
  readonly connected: boolean = false;
  /** The socket's id on the server; '' before the first connection. */
  readonly id: string = '';
  /** The option, for a wrapper of connect() that counts attempts. */
  readonly maxReconnectAttempts: number;
  /** For the application's own use. */
  data: Record<string, unknown> = {};

  #host: Host;
  #options: Settings;
  #url: string;
  #log: Logger;
  #stats: Counters = newCounters();
  #listeners: Listeners;
  #outbox: Outbox;
  #dispatch: Dispatch;
  #state: 'idle' | 'connecting' | 'connected' | 'waiting' | 'closed' = 'idle';
  #link: Link | null = null; // the connection, from the attempt on
  #connecting: Attempt | null = null; // the running one
  #lost = false; // a connection was lost and is not replaced yet
  #attempts = 0;
  // Attempts that a full server refused, or one that throttles us; they do not count against
  // maxReconnectAttempts.
  #busy = 0;
  #timer: Timer;
  #healthTimer: Timer;
  #drain: { at: number; url: string } | null = null; // after GOAWAY
  #connectedAt = 0;

  /**
   * url: ws:, wss:, http: or https:; in a page it may be relative. Throws TypeError for an unusable
   * URL or option.
   */
  constructor(url: string, options?: Options);
  /** @internal host is for the builds. */
  constructor(url: string, options?: Options, host?: Host);
  constructor(url: string, options?: Options, host: Host = {}) {
    this.#host = host;
    const settings = this.#options = readOptions(options, !!host.loadWasm);
    this.#url = socketURL(url);
    this.maxReconnectAttempts = settings.maxReconnectAttempts;
    this.#log = settings.logger || logger;
    this.#listeners = new Listeners(this.#log, settings.enableErrorHandling);
    this.#outbox = new Outbox(settings, this.#listeners, this.#log, this.#stats);
    this.#dispatch = new Dispatch(this.#outbox, this.#listeners, this.#log, this.#stats,
      (link, fields) => this.#goaway(link, fields));
    bindMethods(this);
  }

  /**
   * Resolves after the handshake; rejects with a SmartSocketError and does not retry. Later on a
   * lost connection calls connect() again by itself, through this property, so that an application
   * may wrap it.
   */
  connect(): Promise<void> {
    if (this.#state === 'connected') return Promise.resolve();
    if (this.#state === 'connecting') return this.#connecting!._promise;
    const attempt = {} as Attempt;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    attempt._promise = new Promise((resolve, reject) => {
      attempt._resolve = resolve;
      attempt._reject = reject;
    });
    this.#connecting = attempt;
    this.#state = 'connecting';
    this.#outbox._closed = false;
    this.#log.info('Connecting to ' + this.#url);
    this.#link = this.#openLink(attempt);
    return attempt._promise;
  }

  /** Ends the connection and all reconnecting. */
  disconnect(): void {
    const was = this.#state, link = this.#link, attempt = this.#connecting;
    const error = connectionLost('disconnect() was called');
    this.#state = 'closed';
    this.#outbox._closed = true;
    this.#lost = false;
    this.#attempts = this.#busy = 0;
    this.#drain = null;
    this.#outbox._session = new Session();
    this.#connecting = null;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#leave();
    if (link) {
      this.#countBytes(link);
      link.close();
    }
    this.#outbox._fail(error);
    if (attempt) {
      attempt._promise.catch(() => {}); // who calls disconnect() need not hear of it there
      attempt._reject(error);
    }
    if (was === 'connected') {
      this.#listeners._raise('disconnected', error.message,
        { code: 1000, reason: '', reconnects: false });
    }
  }

  /**
   * Hears an event. JSON arrives parsed, binary as an ArrayBuffer of its own, no data as undefined.
   * A listener that throws, or whose promise is rejected, is logged and fails its ack. Returns the
   * client, so that calls can be chained.
   */
  on<E extends keyof LifecycleEvents>(event: E, listener: LifecycleEvents[E]): this;
  on(event: '__rate-limited__', listener: (info: RateLimited) => void): this;
  on<E extends Name<In>>(event: E, listener: Listener<In[E]>): this;
  on<E extends Name<In>>(event: E, listener: (data: In[E]) => void): this;
  on(event: string, listener: Hearing): this {
    this.#listeners._add(event, listener, false);
    return this;
  }

  /** The same as on, for the next event alone. */
  once<E extends keyof LifecycleEvents>(event: E, listener: LifecycleEvents[E]): this;
  once(event: '__rate-limited__', listener: (info: RateLimited) => void): this;
  once<E extends Name<In>>(event: E, listener: Listener<In[E]>): this;
  once<E extends Name<In>>(event: E, listener: (data: In[E]) => void): this;
  once(event: string, listener: Hearing): this {
    this.#listeners._add(event, listener, true);
    return this;
  }

  /** Removes a listener; without one: all of the event. */
  off<E extends keyof LifecycleEvents>(event: E, listener?: LifecycleEvents[E]): this;
  off(event: '__rate-limited__', listener?: (info: RateLimited) => void): this;
  off<E extends Name<In>>(event: E, listener?: Listener<In[E]>): this;
  off<E extends Name<In>>(event: E, listener?: (data: In[E]) => void): this;
  off(event: string, listener?: Hearing): this {
    this.#listeners._remove(event, listener);
    return this;
  }

  /**
   * Sends an event. data: ArrayBuffer or a view of one travels as bytes, undefined as no data, all
   * else as JSON. Data that JSON cannot carry, a Blob, a Map or a buffer inside of an object for
   * instance, throws. With a callback it asks for an ack; the callback runs
   * exactly once. Returns whether the event was handed to the connection or the offline queue.
   * Where the server keeps sessions, what a lost connection did not deliver is sent again when the
   * session is recovered.
   */
  emit<E extends NameWithoutData<Out>>(event: E,
    callback?: AckCallback<ResponseOf<Out[E]>>): boolean;
  emit<E extends Name<Out>>(event: E, data: DataOf<Out[E]>,
    callback?: AckCallback<ResponseOf<Out[E]>>): boolean;
  emit(event: string, data?: unknown, callback?: AckCallback<never>): boolean {
    return this.#emit(event, data, callback);
  }

  /** The same as emit. */
  send<E extends NameWithoutData<Out>>(event: E,
    callback?: AckCallback<ResponseOf<Out[E]>>): boolean;
  send<E extends Name<Out>>(event: E, data: DataOf<Out[E]>,
    callback?: AckCallback<ResponseOf<Out[E]>>): boolean;
  send(event: string, data?: unknown, callback?: AckCallback<never>): boolean {
    return this.#emit(event, data, callback);
  }

  /**
   * Sends an event and resolves with the answer; rejects with a SmartSocketError, or with the
   * signal's reason. Where the server keeps sessions a lost connection does not end the wait: a
   * recovered session sends the event again, which the server handles once.
   */
  emitWithAck<E extends NameWithoutData<Out>>(event: E, data?: undefined,
    options?: AckOptions): Promise<ResponseOf<Out[E]>>;
  emitWithAck<E extends Name<Out>>(event: E, data: DataOf<Out[E]>,
    options?: AckOptions): Promise<ResponseOf<Out[E]>>;
  emitWithAck(event: string, data?: unknown, options?: AckOptions): Promise<unknown> {
    const { timeout = this.#options.ackTimeout, signal } = options || {};
    const { _questions: questions } = this.#outbox;
    return new Promise((resolve, reject) => {
      this.#checkEvent(event, true);
      if (typeof timeout !== 'number' || !(timeout > 0)) {
        throw new TypeError('timeout must be a positive number of milliseconds');
      }
      if (signal && signal.aborted) throw abortError(signal);
      const id = questions._ask(event, (response, error) => {
        if (signal) signal.removeEventListener('abort', abort);
        if (error) reject(error);
        else resolve(response);
      }, timeout);
      const abort = (): void => questions._fail(id, abortError(signal!));
      this.#outbox._emit(event, data, id);
      // After an emit that throws or fails at once nobody would remove the listener.
      if (signal && questions._get(id)) signal.addEventListener('abort', abort);
    });
  }

  getStats(): Stats {
    const link = this.#link, { connected } = this;
    const stats = {} as Stats;
    for (const name in this.#stats) {
      const counter = name as keyof Counters;
      stats[counter] = this.#stats[counter];
    }
    stats.connected = connected;
    stats.uptime = connected ? Date.now() - this.#connectedAt : 0;
    stats.bytesSent += link ? link.bytesSent : 0;
    stats.bytesReceived += link ? link.bytesReceived : 0;
    stats.rtt = link ? link._clock._rtt : 0;
    stats.clockOffset = link ? link._clock._offset : 0;
    stats.queued = this.#outbox._parked._count();
    stats.pendingAcks = this.#outbox._questions._count();
    stats.encrypted = connected && link!._ends !== null;
    stats.engine = link && link.engine ? link.engine.name : '';
    return stats;
  }

  #emit(event: string, data: unknown, callback: AckCallback<never> | undefined): boolean {
    if (callback === undefined && typeof data === 'function') {
      callback = data as AckCallback<never>;
      data = undefined;
    }
    if (callback !== undefined && typeof callback !== 'function') {
      throw new TypeError('the callback of emit must be a function');
    }
    this.#checkEvent(event, !!callback);
    const { _questions: questions } = this.#outbox;
    return this.#outbox._emit(event, data, callback
      ? questions._ask(event, callback as AckCallback, this.#options.ackTimeout) : 0);
  }

  #checkEvent(event: string, wantsAck: boolean): void {
    if (typeof event !== 'string') throw new TypeError('an event name is a string');
    if (!isEventName(event)) {
      throw invalidFormat(`an event name has 1 to ${MAX_EVENT_NAME} ` +
        'bytes of UTF-8 without control characters');
    }
    if (isReserved(event)) {
      throw invalidFormat(`the event name "${event}" is reserved; choose another`);
    }
    if (wantsAck && !this.#options.enableAcknowledgments) {
      throw new SmartSocketError(CODES.ACK_INVALID,
        'asking for an ack needs the option enableAcknowledgments');
    }
  }

  // openLink starts one connection for the attempt.
  #openLink(attempt: Attempt): Link {
    const { _token: token, _lastSeq: lastSeq } = this.#outbox._session;
    const link: Link = new Link({
      _url: this.#url,
      _options: this.#options,
      _host: this.#host,
      _token: token,
      _lastSeq: lastSeq,
      _log: this.#log,
    }, {
      _ready: (ack) => this.#ready(link, ack, attempt),
      _message: (m) => this.#dispatch._received(link, m),
      _invalid: (error) => this.#dispatch._invalid(error),
      _closed: (error, code, reason, wasReady) => {
        this.#countBytes(link);
        if (wasReady) this.#lose(error, code, reason);
        else this.#failAttempt(error, code, attempt);
      },
    });
    return link;
  }

  // ready runs when the handshake is done.
  #ready(link: Link, ack: ConnectAck, attempt: Attempt): void {
    const outbox = this.#outbox, again = this.#lost;
    const unknown = ack.recovered ? [] : outbox._asked();
    if (!ack.recovered) outbox._session = new Session();
    outbox._session._token = ack.sessionToken;
    outbox._link = link;
    this.#state = 'connected';
    this.#connecting = null;
    this.#lost = false;
    this.#drain = null;
    this.#connectedAt = Date.now();
    this.#tell(true, ack.socketId);
    this.#healthTimer = setTimeout(() => { this.#attempts = this.#busy = 0; }, HEALTHY);
    this.#log.info('Connected to server');
    const missing = ack.recovered ? outbox._sendAgain(link, ack.arrived) : null;
    // Answers that came without a connection.
    outbox._session._ledger._forEach((answer) => { if (!answer._on) outbox._answer(answer); });
    outbox._flush();
    outbox._questions._lose(unknown, connectionLost(
      'the session ended with the lost connection; whether the server handled this is unknown'));
    if (again) this.#stats.reconnects++;
    if (this.#link === link) { // a failing engine may have ended it already
      this.#listeners._raise('connected');
      if (again) this.#listeners._raise('reconnected', ack.recovered);
    }
    if (missing) this.#listeners._report(missing);
    attempt._resolve();
  }

  // tell shows applications the state of the connection.
  #tell(connected: boolean, id = this.id): void {
    const shown: Mutable<SmartSocketClient> = this as never;
    shown.connected = connected;
    shown.id = id;
  }

  // failAttempt settles an attempt that never became a connection.
  #failAttempt(error: SmartSocketError, code: number, attempt: Attempt): void {
    this.#link = null;
    this.#connecting = null;
    this.#state = this.#lost ? 'waiting' : 'idle';
    this.#log.info(`Connecting failed: ${error.code} ${error.message}`);
    if (this.#lost) {
      if (isFatal(code, error.code)) this.#giveUp(error);
      else {
        if (error.code === CODES.MAX_CONNECTIONS || error.code === CODES.THROTTLED) this.#busy++;
        this.#scheduleReconnect(error.retryAfter);
      }
    }
    attempt._reject(error);
  }

  // lose runs when an open connection ended and disconnect() was not called.
  #lose(error: SmartSocketError, code: number, reason: string): void {
    const fatal = isFatal(code), outbox = this.#outbox;
    if (!fatal && isFatal(0, error.code)) { // as when the credentials have expired
      this.#listeners._report(error);
      error = connectionLost(`the connection was lost (close code ${code})`, error);
    }
    this.#leave();
    this.#lost = !fatal;
    this.#state = fatal ? 'idle' : 'waiting';
    this.#log.info('Disconnected: ' + error.message);
    const asked = outbox._asked();
    outbox._questions._lose(fatal || outbox._session._token.length === 0 ? asked
      : outbox._questions._tooMany(asked), error);
    if (fatal) outbox._parked._clear(error.message);
    const why = code >= 1000 && code !== 1006 ? 'closed by the server' : 'connection lost';
    this.#listeners._raise('disconnected', reason || why,
      { code, reason, reconnects: this.#lost && this.#options.maxReconnectAttempts !== 0 });
    if (fatal) this.#listeners._report(error);
    else if (this.#state === 'waiting' && this.#timer === undefined) this.#scheduleReconnect();
  }

  // leave forgets the current link.
  #leave(): void {
    clearTimeout(this.#healthTimer);
    this.#link = this.#outbox._link = null;
    this.#tell(false);
  }

  // scheduleReconnect waits for least milliseconds more, or ten minutes if that is less.
  #scheduleReconnect(least = 0): void {
    const { maxReconnectAttempts: max, reconnectDelay } = this.#options;
    if (max >= 0 && this.#attempts - this.#busy >= max) {
      const why = max === 0 ? 'reconnecting is switched off'
        : max + ' attempts to reconnect failed; call connect() to try again';
      this.#giveUp(connectionLost('the connection was lost: ' + why));
      return;
    }
    let delay = backoff(++this.#attempts, reconnectDelay, Math.random());
    if (least > 0) delay += Math.min(least, 600000);
    if (this.#drain) {
      delay = Math.max(0, this.#drain.at - Date.now());
      if (this.#drain.url) this.#url = this.#drain.url;
      this.#drain = null;
    }
    this.#log.info(`Reconnecting in ${delay} ms, attempt ${this.#attempts}`);
    this.#timer = setTimeout(() => this.#reconnect(), delay);
    this.#listeners._raise('reconnecting', this.#attempts, delay);
  }

  // reconnect calls the public connect, so that an application can wrap it.
  #reconnect(): void {
    this.#timer = undefined;
    new Promise((resolve) => resolve(this.connect())).catch((error) => {
      this.#log.debug('reconnecting failed: ' + messageOf(error));
      // A wrapper of connect() failed before it called us.
      if (this.#state === 'waiting' && this.#timer === undefined) this.#scheduleReconnect();
    });
  }

  // giveUp ends reconnecting for good.
  #giveUp(error: SmartSocketError): void {
    this.#lost = false;
    this.#state = 'idle';
    this.#attempts = this.#busy = 0;
    this.#outbox._fail(error);
    this.#listeners._report(error);
  }

  // goaway plans the move to another server, or back to this one, at a random time within the
  // window, but not later than after the longest delay of our own.
  #goaway(link: Link, fields: Goaway): void {
    const wait = Math.random() * Math.min(fields.reconnectWindow, CAP);
    let url = '';
    if (fields.url) {
      try {
        url = socketURL(fields.url);
      } catch {
        this.#log.warn('the server named an unusable URL to move to');
      }
      // Never from encrypted to plain.
      if (this.#url.indexOf('wss:') === 0 && url.indexOf('ws:') === 0) url = '';
    }
    this.#log.info(`The server is going away; reconnecting in ${Math.round(wait)} ms`);
    this.#drain = { at: Date.now() + wait, url };
    link._moveTimer = setTimeout(() => {
      if (this.#link !== link || link._phase !== 'ready') return;
      link.end(connectionLost('the server asked its clients to reconnect'), 1001, 'going away');
    }, wait);
  }

  #countBytes(link: Link): void {
    this.#stats.bytesSent += link.bytesSent;
    this.#stats.bytesReceived += link.bytesReceived;
  }
}

// Consoles show this name, and a minifier shortens that of the class.
Object.defineProperty(SmartSocketClient, 'name', { value: 'SmartSocketClient' });

// bindMethods makes the public methods work when they are taken off the client, or are called on a
// Proxy of it, as stores of Vue do: what is private exists on the client alone. A subclass's
// methods of these names are bound instead.
function bindMethods(client: object): void {
  for (const name of Object.getOwnPropertyNames(SmartSocketClient.prototype)) {
    if (name === 'constructor') continue;
    const value = (client as Record<string, () => void>)[name].bind(client);
    Object.defineProperty(client, name, { value, writable: true, configurable: true });
  }
}

function abortError(signal: AbortSignal): unknown {
  if (signal.reason) return signal.reason;
  const e = new Error('the wait for an ack was aborted');
  e.name = 'AbortError';
  return e;
}
