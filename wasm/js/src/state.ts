// @smartsocket/client/state: states that a server keeps and that arrive as snapshots and deltas,
// see package room of the server. Importing it gives clients the method state.

import { CODES, SmartSocketClient, SmartSocketError, logger } from '@smartsocket/client/js';
import type { EmitOptions } from '@smartsocket/client/js';
import { now } from './now.js';
import { To } from './state-bytes.js';
import { Decoder } from './state-decode.js';
import type { Applied } from './state-decode.js';
import type { At, Entries, EntryOf, KeyOf, Path } from './state-types.js';
import { Watches } from './state-watch.js';
import type { Heard } from './state-watch.js';

export { interpolate, lerp, lerpAngle } from './interpolate.js';
export type { Blend, Blends, Interpolation } from './interpolate.js';
export { predict } from './predict.js';
export type { Prediction, Rules } from './predict.js';
export type { At, Container, Entries, EntryOf, KeyOf, Path } from './state-types.js';

const PAUSE = 1000; // ms between two requests for a snapshot

// Client is what is needed of a client, whatever its event maps are.
interface Client {
  readonly connected: boolean;
  readonly recovered: boolean;
  on(event: string, listener: (a: unknown) => void): unknown;
  off(event: string, listener: (a: unknown) => void): unknown;
  emit(event: string, data: unknown, options?: EmitOptions): boolean;
  getStats(): { clockOffset: number };
}

/** Hears what happens to the entries of a map or a list. */
export interface EntryListeners<V, K> {
  /** A new entry; at first those that are there already. */
  added?(entry: V, key: K): void;
  /** fields are the names of those that differ; in a map of scalars there are none. */
  changed?(entry: V, key: K, fields: string[]): void;
  removed?(entry: V, key: K): void;
}

/** What a message did. */
export interface Message {
  /** Whether it held the whole value, and not only what differs. */
  readonly snapshot: boolean;
  readonly tick: number;
  /** The server's clock at that tick, in milliseconds since 1970. */
  readonly time: number;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Listener = (...values: never[]) => void;

/**
 * A state of the server. Its value is kept in plain objects, Maps and arrays that stay the same
 * while their content changes. Nobody but the state may change them.
 */
export class State<T = any> {
  readonly name: string;
  /** The newest value. It stays when the connection is lost; undefined before the first one. */
  readonly value: T | undefined = undefined;
  /** Whether value is the server's, as far as messages have come. */
  readonly synced: boolean = false;
  /** Whether the server has said that the state is over, or that this client has left it. */
  readonly ended: boolean = false;
  /** The tick that value is of. */
  readonly tick: number = 0;
  /** The server's clock at that tick, in milliseconds since 1970. */
  readonly time: number = 0;
  /** Milliseconds from tick to tick; 0 if ticks only count changes. */
  readonly step: number = 0;
  /** The last input of this client that value contains, or that was lost with its session. */
  readonly acked: number = 0;
  /** How old the newest value was when it came, in milliseconds. Not known without a step. */
  readonly lag: number = 0;

  #client: Client;
  #decoder = new Decoder();
  #watches: Watches;
  #listeners = {
    change: new Set<Listener>(),
    sync: new Set<Listener>(),
    error: new Set<Listener>(),
  };
  #sent = 0; // inputs
  #before = 0; // sent when the connection was lost, 0 if it was not
  #gone = 0; // the last input that was lost with its session
  #asked = -PAUSE;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #off: () => void;

  /** @internal Applications get it from state(). */
  constructor(client: Client, name: string) {
    this.name = name;
    this.#client = client;
    this.#watches = new Watches((listener) => this.#call(listener));
    const hear = (data: unknown): void => this.#hear(data), lose = (): void => this.#lose();
    client.on(name, hear);
    client.on('disconnected', lose);
    this.#off = () => {
      client.off(name, hear);
      client.off('disconnected', lose);
    };
  }

  /**
   * Calls listener with the field's value as soon as there is one, and after each message that
   * changed it. A field that is an object is the same before and after. Returns the function that
   * ends this. Throws TypeError if there is no such field.
   */
  listen<P extends Path<T>>(
    path: P, listener: (now: At<T, P>, before: At<T, P> | undefined) => void,
  ): () => void;
  /** The same for a field of an object in the value, such as a map's entry. */
  listen<O extends object, F extends keyof O & string>(
    on: O, field: F, listener: (now: O[F], before: O[F] | undefined) => void,
  ): () => void;
  listen(at: unknown, field: unknown, listener?: Listener): () => void {
    const hears = (listener || field) as Heard['_field'];
    if (typeof hears !== 'function') throw new TypeError('a listener must be a function');
    return this.#watches._add(at, (listener ? field : at) as string, { _field: hears });
  }

  /**
   * Calls the listeners for each entry of a map or a list that is there, comes, changes or goes.
   * Returns the function that ends this. Throws TypeError if there is no such map or list.
   */
  entries<P extends Entries<T>>(
    path: P, listeners: EntryListeners<EntryOf<At<T, P>>, KeyOf<At<T, P>>>,
  ): () => void;
  /** The same for a map or a list in the value, such as one of a map's entry. */
  entries<C extends object>(on: C, listeners: EntryListeners<EntryOf<C>, KeyOf<C>>): () => void;
  entries(at: unknown, listeners: object): () => void {
    return this.#watches._add(at, '', listeners as Heard);
  }

  /** Calls listener once after each message, behind all listeners of fields and entries. */
  onChange(listener: (value: T, message: Message) => void): () => void {
    return this.#add('change', listener);
  }

  /** Calls listener when synced has changed. */
  onSync(listener: (synced: boolean) => void): () => void {
    return this.#add('sync', listener);
  }

  /**
   * Calls listener for a message that makes no sense, or whose checksum says that the value is not
   * the server's; a snapshot is asked for already. Without a listener it is logged.
   */
  onError(listener: (error: SmartSocketError) => void): () => void {
    return this.#add('error', listener);
  }

  /**
   * Sends an input as the event name:input, and returns its number: 1, 2 and so on. JSON travels
   * as {seq, at, data}, and behind the two numbers if it is binary. at is the server's clock.
   * Without a connection nothing is sent, and 0 returned.
   */
  send(input: unknown, options?: EmitOptions): number {
    if (!this.#client.connected) return 0;
    const seq = this.#sent + 1, at = Math.round(this.now() * 1000);
    const bytes = ArrayBuffer.isView(input)
      ? new Uint8Array(input.buffer, input.byteOffset, input.byteLength)
      : isBuffer(input) ? new Uint8Array(input) : null;
    let data: unknown = { seq, at, data: input };
    if (bytes) {
      const to = new To();
      to._uint(seq);
      to._uint(at);
      data = new Uint8Array(to._out.concat(Array.from(bytes)));
    }
    this.#client.emit(this.name + ':input', data, options);
    return this.#sent = seq;
  }

  /** The server's clock, in milliseconds since 1970. */
  now(): number {
    return Date.now() + this.#client.getStats().clockOffset;
  }

  /** Asks the server for a snapshot, at most once a second. */
  sync(): void {
    clearTimeout(this.#timer);
    const wait = this.#asked + PAUSE - now();
    if (wait > 0) {
      this.#timer = setTimeout(() => {
        if (!this.synced) this.sync();
      }, wait);
    } else if (this.#client.connected) {
      this.#asked = now();
      this.#client.emit(this.name + ':sync', { tick: this.#decoder._tick }, { volatile: true });
    }
  }

  /** Ends it: nothing is heard any more, and state() makes a new one. */
  close(): void {
    const of = states.get(this.#client);
    if (of && of.get(this.name) === this) of.delete(this.name);
    this.#off();
    this.#lose();
  }

  #add(kind: 'change' | 'sync' | 'error', listener: Listener): () => void {
    const own: Listener = (...values) => listener(...values);
    this.#listeners[kind].add(own);
    return () => { this.#listeners[kind].delete(own); };
  }

  #hear(data: unknown): void {
    let applied: Applied | null;
    try {
      if (!isBuffer(data)) throw new Error('it is not binary');
      applied = this.#decoder._apply(new Uint8Array(data));
    } catch (error) {
      this.#fail(`made no sense: ${(error as Error).message}`, error);
      return;
    }
    const { _kind: kind, _drift: drift } = applied || {};
    if (kind === 3) this.#end();
    else if (applied) this.#applied(applied);
    else this.#unsynced();
    if (drift) this.#fail('left a value that is not the server\'s: its checksum differs');
  }

  #applied(applied: Applied): void {
    const self: Mutable<State<T>> = this, from = this.#decoder;
    const snapshot = applied._kind === 1;
    self.value = from._value as T;
    self.tick = from._tick;
    self.time = from._time / 1000;
    self.step = from._step / 1000;
    if (this.#before && !this.#client.recovered) this.#gone = this.#before;
    this.#before = 0;
    self.acked = Math.max(from._input, this.#gone);
    self.lag = self.step ? this.now() - self.time : 0;
    self.ended = false;
    if (applied._anew) this.#watches._begin(from._value!);
    else this.#watches._tell(applied._changes);
    if (!applied._drift) this.#become(true);
    this.#raise('change', this.value, { snapshot, tick: self.tick, time: self.time });
  }

  // end takes the end of the state. Inputs of the next one count from 1 again.
  #end(): void {
    (this as Mutable<State<T>>).ended = true;
    this.#sent = this.#before = this.#gone = 0;
    this.#become(false);
  }

  // lose takes the end of the connection: the next one begins with a snapshot.
  #lose(): void {
    clearTimeout(this.#timer);
    this.#before = this.#sent;
    this.#decoder._tick = 0;
    this.#become(false);
  }

  #fail(what: string, cause?: unknown): void {
    const error = new SmartSocketError(CODES.INVALID_FORMAT,
      `a message of the state "${this.name}" ${what}`, cause);
    if (this.#listeners.error.size > 0) this.#raise('error', error);
    else logger.warn(error.message);
    this.#unsynced();
  }

  #unsynced(): void {
    this.#decoder._tick = 0;
    this.#become(false);
    this.sync();
  }

  #become(synced: boolean): void {
    if (this.synced === synced) return;
    (this as Mutable<State<T>>).synced = synced;
    this.#raise('sync', synced);
  }

  #raise(kind: 'change' | 'sync' | 'error', ...values: unknown[]): void {
    Array.from(this.#listeners[kind]).forEach((listener) => {
      this.#call(() => listener(...values as never[]));
    });
  }

  // call calls a listener of the application: one that throws does not keep others from hearing.
  #call(listener: () => void): void {
    try {
      listener();
    } catch (error) {
      console.error(`[smartsocket] [error] a listener of the state "${this.name}" failed:`, error);
    }
  }
}

// isBuffer knows those of other windows, too.
function isBuffer(data: unknown): data is ArrayBuffer {
  return Object.prototype.toString.call(data) === '[object ArrayBuffer]';
}

const states = new WeakMap<object, Map<string, State>>();

/**
 * Returns the client's state of that name, the same each time. Call it before you enter what has
 * the state, so that it hears the first snapshot.
 */
export function state<T = any>(client: SmartSocketClient<any, any>, name: string): State<T> {
  let of = states.get(client);
  if (!of) states.set(client, of = new Map());
  let found = of.get(name);
  if (!found) of.set(name, found = new State(client as unknown as Client, name));
  return found;
}

declare module './client.js' {
  interface SmartSocketClient<In extends object, Out extends object> {
    /**
     * The state of that name, the same each time. Call it before you enter what has the state, so
     * that it hears the first snapshot.
     */
    state<T = any>(name: string): State<T>;
  }
}

SmartSocketClient.prototype.state = function of<T>(
  this: SmartSocketClient<any, any>, name: string,
): State<T> {
  return state(this, name);
};
