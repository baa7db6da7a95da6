// How the server knows the client: the option apiKey, which CONNECT carries, and the option auth,
// which is sent as the event auth in each new session.
//
//   ERROR "auth" ──► the function ──value──► event "auth" ──► ack
//                      │      ▲
//                    error    │ after the delay of a reconnection, while the connection lives
//                      └──────┘

import { backoff } from './backoff.js';
import { utf8 } from './bytes.js';
import { CODES, SmartSocketError } from './errors.js';
import type { Link } from './link.js';
import type { Listeners } from './listeners.js';
import type { Settings } from './options.js';
import { AUTHENTICATION } from './outbox.js';
import type { Outbox } from './outbox.js';
import { encodeData } from './payload.js';
import type { Settle } from './questions.js';
import { AUTH } from './wire.js';

/** A value, or a function that returns it or a promise of it. */
export type Given<T> = T | (() => T | PromiseLike<T>);

const MAX_KEY = 2048;

export class Credentials {
  _key = ''; // what the last attempt was given
  _value: unknown; // the same of the option auth
  #options: Settings;
  #outbox: Outbox;
  #listeners: Listeners;
  #turn = 0; // how many attempts have asked
  #renewing: Link | null = null; // for which a function is asked
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: Settings, outbox: Outbox, listeners: Listeners) {
    this.#options = options;
    this.#outbox = outbox;
    this.#listeners = listeners;
  }

  // ask asks for the credentials of one attempt. It resolves with the API key.
  _ask(): Promise<string> {
    const turn = ++this.#turn;
    return Promise.all([this.#ask('apiKey'), this.#ask('auth')]).then(([key = '', value]) => {
      if (typeof key !== 'string' || utf8(key).length > MAX_KEY) {
        throw new SmartSocketError(CODES.AUTH_FAILED,
          `apiKey must be a string of at most ${MAX_KEY} bytes`);
      }
      if (turn === this.#turn) { // else the attempt is over
        this._value = value;
        this._key = key;
      }
      return key;
    });
  }

  // awaits reports whether a new session on link is authenticated by an event.
  _awaits(link: Link): boolean {
    return link._hello!.authEvent || this._value !== undefined;
  }

  // begin authenticates a new session on link, if there is a value for that.
  _begin(link: Link): void {
    if (this._value !== undefined) this.#send(link, this._value);
  }

  // renew gets fresh credentials for the server, which has said that those it has will expire. It
  // reports false if there is no function to ask.
  _renew(link: Link): boolean {
    const name = (['auth', 'apiKey'] as const)
      .filter((option) => typeof this.#options[option] === 'function')[0];
    if (name && this.#renewing !== link) {
      this.#renewing = link;
      this.#renew(link, name, 1);
    }
    return !!name;
  }

  // end ends the attempts to renew.
  _end(): void {
    clearTimeout(this.#timer);
    this.#renewing = null;
  }

  #renew(link: Link, name: 'apiKey' | 'auth', attempt: number): void {
    this.#ask(name).then((value) => {
      if (this.#renewing !== link) return;
      this.#renewing = null;
      this.#send(link, value);
    }, (error: SmartSocketError) => {
      if (this.#renewing !== link) return;
      this.#listeners._report(error);
      if (error.code === CODES.AUTH_FAILED) this.#renewing = null;
      else {
        this.#timer = setTimeout(() => this.#renew(link, name, attempt + 1),
          backoff(attempt, this.#options.reconnectDelay, Math.random()));
      }
    });
  }

  // The error of a function ends all attempts if it has the code ERR_CONN_004, and is the cause of
  // one that does not otherwise.
  #ask(name: 'apiKey' | 'auth'): Promise<unknown> {
    const given: Given<unknown> = this.#options[name];
    return new Promise((resolve) => {
      resolve(typeof given === 'function' ? given() : given);
    }).then((value) => {
      encodeData(value, AUTH);
      return value;
    }).catch((error) => {
      throw error instanceof SmartSocketError && error.code === CODES.AUTH_FAILED ? error
        : new SmartSocketError(CODES.REFUSED, `the option ${name} failed, so nothing was sent`,
          error);
    });
  }

  #send(link: Link, value: unknown): void {
    const outbox = this.#outbox, { enableAcknowledgments, ackTimeout } = this.#options;
    const answered: Settle = (_answer, error) => {
      if (!error || error.code === CODES.CONNECTION_LOST) return;
      this.#listeners._report(error);
      // A server that does not insist takes the rest all the same.
      if (!link._hello!.authEvent) outbox._go(outbox._link, AUTHENTICATION);
    };
    outbox._emit(AUTH, value,
      enableAcknowledgments ? outbox._questions._ask(AUTH, answered, ackTimeout) : 0);
  }
}
