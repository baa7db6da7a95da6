// Trial is a series of attempts to connect: to which address each goes, how long to wait before it,
// and whether there may be one more.

import { CAP, backoff } from './backoff.js';
import { CODES } from './errors.js';
import type { SmartSocketError } from './errors.js';
import type { Settings } from './options.js';
import { beside, isSafe, route, socketURL } from './targets.js';
import { isOffline } from './wake.js';

const THROTTLED = 600000; // ms, the longest retryAfter that is believed

export class Trial {
  _attempts = 0; // since a connection was healthy
  #free = 0; // those that do not count against maxReconnectAttempts
  #calm = 0; // those before the delays began anew
  #options: Settings;
  #home: string; // the URL that was given
  #urls: string[]; // the same and the others
  #route: string[] = []; // to try in turn
  #tries = 0; // how many of the route

  // A trial throws a TypeError for an unusable URL.
  constructor(url: string, options: Settings) {
    this.#options = options;
    this.#home = socketURL(url);
    this.#urls = route(this.#home, options.urls.map((other) => {
      const address = this._beside(other);
      if (!isSafe(address, this.#home)) {
        throw new TypeError('option urls must be as secure as the first URL');
      }
      return address;
    }));
  }

  _home(): string {
    return this.#home;
  }

  // beside is another address of the same service.
  _beside(url: string): string {
    return this.#options.namespace === undefined ? beside(url, this.#home) : socketURL(url);
  }

  // travel begins a turn through the addresses, with this one first.
  _travel(first: string): void {
    this.#route = route(first, this.#urls);
    this.#tries = 0;
  }

  // turn lists the addresses, with this one first.
  _turn(first: string): string[] {
    return route(first, this.#urls);
  }

  // next is the address of the next attempt.
  _next(): string {
    return this.#route[this.#tries++ % this.#route.length];
  }

  // isFirstTurn reports whether there are addresses that were not tried yet.
  _isFirstTurn(): boolean {
    return this.#tries < this.#route.length;
  }

  // failed notes why an attempt failed. A full server, one that throttles us, and a missing network
  // do not count against maxReconnectAttempts.
  _failed({ code }: SmartSocketError): void {
    if (code === CODES.MAX_CONNECTIONS || code === CODES.THROTTLED || isOffline()) this.#free++;
  }

  // delay announces the next attempt and returns the milliseconds to wait before it, or -1 if the
  // attempts are used up. last is why the one before failed. The server may want us to stay away
  // for retryAfter milliseconds.
  _delay(last?: SmartSocketError, retryAfter = 0): number {
    const { maxReconnectAttempts: most, reconnectDelay } = this.#options;
    if (most >= 0 && this._attempts - this.#free >= most) return -1;
    return backoff(++this._attempts - this.#calm, reconnectDelay, Math.random()) +
      Math.min(retryAfter, last && last.code === CODES.THROTTLED ? THROTTLED : CAP);
  }

  // hurry lets the delays begin anew, forgive the attempts too.
  _hurry(): void {
    this.#calm = this._attempts;
  }

  _forgive(): void {
    this._attempts = this.#free = this.#calm = 0;
  }
}
