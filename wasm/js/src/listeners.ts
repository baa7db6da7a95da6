// Event listeners by name. Names come from applications and from the wire, so they are keys of a
// Map and never of an object.

import { CODES, SmartSocketError } from './errors.js';
import type { Logger } from './logger.js';

const ALIASES = new Map([
  ['connect', 'connected'], ['connection', 'connected'], ['disconnect', 'disconnected'],
]);
const LIFECYCLE = new Set(['connected', 'disconnected', 'error', 'reconnecting', 'reconnected']);

// isLifecycle reports whether the client itself raises name. Such an event must not come from the
// server.
export function isLifecycle(name: string): boolean {
  return LIFECYCLE.has(name) || ALIASES.has(name);
}

// isReserved reports whether a client may not send name.
export function isReserved(name: string): boolean {
  return isLifecycle(name) || name === 'rate-limit' || name.indexOf('__') === 0;
}

// Hearing is any function that hears an event.
export type Hearing = (...values: never[]) => unknown;

type Reply = (response: unknown, error: SmartSocketError) => void;

interface Entry {
  fn: (a: unknown, b: unknown, c?: unknown) => unknown;
  once: boolean;
}

export class Listeners {
  // Arrays are replaced and never changed, because an emit may be running.
  #table = new Map<string, Entry[]>();
  #log: Logger;
  #errors: boolean;

  // Listeners raises errors as events, or writes them to log alone.
  constructor(log: Logger, errors: boolean) {
    this.#log = log;
    this.#errors = errors;
  }

  _add(name: string, fn: Hearing, once: boolean): void {
    if (typeof name !== 'string' || name === '') {
      throw new TypeError('an event name is a non-empty string');
    }
    if (typeof fn !== 'function') {
      throw new TypeError(`the listener of "${name}" must be a function`);
    }
    const key = ALIASES.get(name) || name;
    this.#table.set(key, this.#of(key).concat({ fn: fn as Entry['fn'], once }));
  }

  // remove removes fn from name, or all listeners of name if fn is undefined.
  _remove(name: string, fn?: Hearing): void {
    const key = ALIASES.get(name) || name;
    this.#keep(key, fn === undefined ? [] : this.#of(key).filter((l) => l.fn !== fn));
  }

  _has(name: string): boolean {
    return this.#table.has(name);
  }

  // raise calls every listener of name with a, b and c, and reports whether there were any. If a
  // listener throws or its promise is rejected, the others still run. For an event of the server b
  // is the ack function; the answer is then an error. running gets the promises of those that are
  // asynchronous.
  _raise(name: string, a?: unknown, b?: unknown, c?: unknown,
    running: PromiseLike<unknown>[] = []): boolean {
    const failed = (thrown: unknown): void => {
      this._failed(name, thrown);
      if (typeof b === 'function') {
        (b as Reply)(undefined, new SmartSocketError(CODES.HANDLER_FAILED,
          `the listener of "${name}" failed`));
      }
    };
    const list = this.#of(name);
    for (const entry of list) {
      if (entry.once && !this.#take(name, entry)) continue;
      try {
        const result = (c === undefined ? entry.fn(a, b) : entry.fn(a, b, c)) as
          Promise<unknown> | undefined;
        // An async function fails later.
        if (result && result.then) running.push(result.then(null, failed));
      } catch (error) {
        failed(error);
      }
    }
    return list.length > 0;
  }

  // failed tells about a listener, or the callback of a question, that threw.
  _failed(event: string, thrown: unknown): void {
    if (typeof console === 'object') {
      console.error(`[smartsocket] [error] a listener of "${event}" failed:`, thrown);
    }
  }

  // report raises an error as an event. Where nobody hears it, it is logged, unless it was told in
  // another way.
  _report(error: SmartSocketError, told = false): void {
    if (this.#errors && this._raise('error', error) || told) return;
    this.#log.error(error.code + ' ' + error.message);
  }

  #of(key: string): Entry[] {
    return this.#table.get(key) || [];
  }

  #keep(key: string, rest: Entry[]): void {
    if (rest.length > 0) this.#table.set(key, rest);
    else this.#table.delete(key);
  }

  // take removes a once-listener and reports whether it was still there.
  #take(name: string, entry: Entry): boolean {
    const list = this.#of(name);
    if (list.indexOf(entry) < 0) return false;
    this.#keep(name, list.filter((l) => l !== entry));
    return true;
  }
}
