// SmartSocketClient: the public API. Its connections are a Life (life.ts), what it sends goes
// through an Outbox (outbox.ts), and what it hears to Listeners (listeners.ts).

import { isEventName } from './bytes.js';
import { checkDelivery } from './delivery.js';
import type { EmitOptions } from './delivery.js';
import { CODES, SmartSocketError, define, invalidFormat } from './errors.js';
import type {
  AckCallback, AckOptions, DataOf, EventMap, LifecycleEvents, Listener, Name, NameWithoutData,
  RateLimited, ResponseOf,
} from './events.js';
import { Life } from './life.js';
import type { Host } from './link.js';
import { Listeners, isReserved } from './listeners.js';
import type { Hearing } from './listeners.js';
import { logger } from './logger.js';
import { now } from './now.js';
import { readOptions } from './options.js';
import type { Options, Settings } from './options.js';
import { Outbox } from './outbox.js';
import { newCounters } from './stats.js';
import type { Counters, Stats } from './stats.js';
import { MAX_EVENT_NAME } from './wire.js';

// A key that exists in types alone.
declare const maps: unique symbol;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * SmartSocket's client for browsers, workers and Node. `In` maps the events that the server sends,
 * `Out` those that the client sends; without them any event may have any data and any answer.
 */
export class SmartSocketClient<In extends object = EventMap, Out extends object = EventMap> {
  // From this the compiler tells the maps of a client, also of a subclass, that is given to a hook.
  declare readonly [maps]?: [In, Out];

  readonly connected: boolean = false;
  /** The socket's id on the server; '' before the first connection. */
  readonly id: string = '';
  /**
   * Whether the connection goes on with the session of a lost one, or of the page before: the same
   * id, rooms and values on the server, and all its events since.
   */
  readonly recovered: boolean = false;
  /** The option, for a wrapper of connect() that counts attempts. */
  readonly maxReconnectAttempts: number;
  /** For the application's own use. */
  data: Record<string, unknown> = {};

  #options: Settings;
  #stats: Counters = newCounters();
  #listeners: Listeners;
  #outbox: Outbox;
  #life: Life;

  /**
   * url: ws:, wss:, http: or https:; in a page it may be relative. Throws TypeError for an unusable
   * URL or option.
   */
  constructor(url: string, options?: Options);
  /** @internal host is for the builds. */
  constructor(url: string, options?: Options, host?: Host);
  constructor(url: string, options?: Options, host: Host = {}) {
    const settings = this.#options = readOptions(options, !!host.loadWasm);
    const log = settings.logger || logger, stats = this.#stats;
    const state: Mutable<SmartSocketClient> = this as never;
    this.maxReconnectAttempts = settings.maxReconnectAttempts;
    const listeners = this.#listeners = new Listeners(log, settings.enableErrorHandling);
    const outbox = this.#outbox = new Outbox(settings, listeners, log, stats);
    this.#life = new Life(url, settings, host, {
      _connect: () => this.connect(),
      _tell(connected, id = state.id, recovered = false) {
        state.connected = connected;
        state.id = id;
        state.recovered = recovered;
      },
    }, outbox, listeners, log, stats);
    bindMethods(this);
  }

  /**
   * Resolves after the handshake; rejects with a SmartSocketError, and does not retry without the
   * option retryConnect. Later on a lost connection calls connect() again by itself, through this
   * property, so that an application may wrap it.
   */
  connect(): Promise<void> {
    return this.#life._connect();
  }

  /** Ends the connection and all reconnecting. */
  disconnect(): void {
    this.#life._disconnect();
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
    this.#life._dispatch._lookEarly();
    return this;
  }

  /** The same as on, for the next event alone. */
  once<E extends keyof LifecycleEvents>(event: E, listener: LifecycleEvents[E]): this;
  once(event: '__rate-limited__', listener: (info: RateLimited) => void): this;
  once<E extends Name<In>>(event: E, listener: Listener<In[E]>): this;
  once<E extends Name<In>>(event: E, listener: (data: In[E]) => void): this;
  once(event: string, listener: Hearing): this {
    this.#listeners._add(event, listener, true);
    this.#life._dispatch._lookEarly();
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
   * else as JSON. Data that JSON cannot carry, a Map or a buffer inside of an object for instance,
   * throws. With a callback it asks for an ack; the callback runs exactly once. In its place may be
   * options that say what the event may lose. Returns false if the event is lost, or if more than
   * the option highWaterMark is unsent. Where the server keeps sessions, what a lost connection did
   * not deliver is sent again when the session is recovered.
   */
  emit<E extends NameWithoutData<Out>>(event: E,
    callback?: AckCallback<ResponseOf<Out[E]>>): boolean;
  emit<E extends Name<Out>>(event: E, data: DataOf<Out[E]>,
    callback?: AckCallback<ResponseOf<Out[E]>> | EmitOptions): boolean;
  emit(event: string, data?: unknown, callback?: AckCallback<never> | EmitOptions): boolean {
    return this.#emit(event, data, callback);
  }

  /** The same as emit. */
  send<E extends NameWithoutData<Out>>(event: E,
    callback?: AckCallback<ResponseOf<Out[E]>>): boolean;
  send<E extends Name<Out>>(event: E, data: DataOf<Out[E]>,
    callback?: AckCallback<ResponseOf<Out[E]>> | EmitOptions): boolean;
  send(event: string, data?: unknown, callback?: AckCallback<never> | EmitOptions): boolean {
    return this.#emit(event, data, callback);
  }

  /**
   * Says what an event may lose when the emit itself does not say. Without options the event is
   * reliable again.
   */
  setEmitOptions(event: Name<Out>, options: EmitOptions = {}): this {
    checkDelivery(options);
    this.#checkEvent(event, false);
    this.#outbox._ways.set(event, options);
    return this;
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
    const link = this.#life._link, { connected } = this;
    const stats = {} as Stats;
    for (const name in this.#stats) {
      const counter = name as keyof Counters;
      stats[counter] = this.#stats[counter];
    }
    stats.connected = connected;
    stats.uptime = connected ? Math.round(now() - this.#life._connectedAt) : 0;
    stats.bytesSent += link ? link.bytesSent : 0;
    stats.bytesReceived += link ? link.bytesReceived : 0;
    stats.rtt = link ? link._clock._rtt : 0;
    stats.clockOffset = link ? link._clock._offset : 0;
    stats.bufferedAmount = link ? link._unsent() : 0;
    stats.queued = this.#outbox._parked._count();
    stats.pendingAcks = this.#outbox._questions._count();
    stats.encrypted = connected && link!._ends !== null;
    stats.engine = link && link.engine ? link.engine.name : '';
    return stats;
  }

  #emit(event: string, data: unknown, callback?: AckCallback<never> | EmitOptions): boolean {
    if (callback === undefined && typeof data === 'function') {
      callback = data as AckCallback<never>;
      data = undefined;
    }
    const outbox = this.#outbox, asks = typeof callback === 'function';
    if (!asks && callback !== undefined) checkDelivery(callback);
    this.#checkEvent(event, asks);
    if (!asks) return outbox._emit(event, data, 0, callback as EmitOptions);
    return outbox._emit(event, data,
      outbox._questions._ask(event, callback as AckCallback, this.#options.ackTimeout));
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
}

// Consoles show this name, and a minifier shortens that of the class.
define(SmartSocketClient, 'name', 'SmartSocketClient');

// bindMethods makes the public methods work when they are taken off the client, or are called on a
// Proxy of it, as stores of Vue do: what is private exists on the client alone. A subclass's
// methods of these names are bound instead.
function bindMethods(client: object): void {
  for (const name of Object.getOwnPropertyNames(SmartSocketClient.prototype)) {
    if (name === 'constructor') continue;
    define(client, name, (client as Record<string, () => void>)[name].bind(client));
  }
}

function abortError(signal: AbortSignal): unknown {
  if (signal.reason) return signal.reason;
  const e = new Error('the wait for an ack was aborted');
  e.name = 'AbortError';
  return e;
}
