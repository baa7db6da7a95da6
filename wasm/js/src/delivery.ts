// How much an event may lose while there is no connection, or while too much is unsent.

import { now } from './now.js';

/**
 * What an emit may lose. Without any of these an event is reliable: it waits, in order. They mean
 * the same as the options of the server's Emit. That an event which may be lost is lost is no
 * error; getStats counts it. Questions, which ask for an ack, are always reliable.
 */
export interface EmitOptions {
  /** Now or never: the event is dropped when it cannot be sent at once, and never sent again. */
  volatile?: boolean;
  /**
   * The event waits, and a newer one of the same name and key replaces it, in its place in the
   * order, so that the server gets the newest of each key. true is a key, too.
   */
  state?: boolean | string;
  /** Milliseconds, more than 0, after which the event is worth nothing: it is dropped then. */
  deadline?: number;
}

// Losable is what a kept event that may be lost knows about that.
export interface Losable {
  _volatile: boolean;
  _key: string; // of a state, with the event's name; '' = none
  _until: number; // by now(); Infinity = no deadline
}

// checkDelivery throws a TypeError if given is no EmitOptions.
export function checkDelivery(given: unknown): void {
  if (!given || typeof given !== 'object') throw new TypeError('the options of emit are an object');
  for (const name in given) {
    const value = (given as Record<string, unknown>)[name], kind = typeof value;
    const right = name === 'volatile' ? kind === 'boolean'
      : name === 'deadline' ? kind === 'number' && value as number > 0
        : name === 'state' && (kind === 'boolean' || kind === 'string');
    if (!right) {
      throw new TypeError(`emit has no option ${name}: ${value}; volatile, state, deadline`);
    }
  }
}

// losable returns what to keep with an event that is emitted now, or undefined if it is reliable.
export function losable(event: string, how?: EmitOptions): Losable | undefined {
  if (!how) return undefined;
  const { volatile = false, state = false, deadline = Infinity } = how;
  if (!volatile && state === false && deadline === Infinity) return undefined;
  // Names have no control characters.
  return {
    _volatile: volatile,
    _key: state === false ? '' : event + '\0' + state,
    _until: now() + deadline,
  };
}
