// How the server knows the client: the option apiKey, which CONNECT carries, and the option auth,
// which is sent as the event auth.

import { CODES, SmartSocketError } from './errors.js';

/** A value, or a function that returns it or a promise of it. */
export type Given<T> = T | (() => T | PromiseLike<T>);

// AUTH is the event by which a socket authenticates. Its data is never logged.
export const AUTH = 'auth';

const MAX_KEY = 2048;

// ask resolves with the value of an option. A function is called anew each time. Its error ends
// all attempts if it has the code ERR_CONN_004, and is the cause of one that does not otherwise.
export function ask<T>(name: string, given: Given<T>): Promise<T> {
  return new Promise<T>((resolve) => {
    resolve(typeof given === 'function' ? (given as () => T)() : given);
  }).catch((error) => {
    throw error instanceof SmartSocketError && error.code === CODES.AUTH_FAILED ? error
      : new SmartSocketError(CODES.REFUSED, `the function ${name} failed, so nothing was sent`, error);
  });
}

// checkKey returns what CONNECT carries for an API key.
export function checkKey(key: unknown): string {
  if (key === undefined) return '';
  if (typeof key === 'string' && key.length <= MAX_KEY) return key;
  throw new SmartSocketError(CODES.AUTH_FAILED, `apiKey must be a string of at most ${MAX_KEY} bytes`);
}
