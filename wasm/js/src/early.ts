// Early holds events that came right after connect(), before the application had registered their
// listeners: a server may send a welcome at once, and then on() loses the race against it.

import type { Message } from './codec.js';
import { now } from './now.js';

const TIME = 1000, MAX_EVENTS = 256, MAX_BYTES = 256 * 1024;

export class Early {
  #until = 0;
  #held: Message[] = [];
  #bytes = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  // begin begins the time of grace. When it is over, refuse gets what still has no listener.
  _begin(refuse: (m: Message) => void): void {
    clearTimeout(this.#timer);
    this.#until = now() + TIME;
    this.#timer = setTimeout(() => {
      this.#until = 0;
      this._take(() => true).forEach(refuse);
    }, TIME);
  }

  // hold keeps an event for later and reports whether it did.
  _hold(m: Message): boolean {
    const payload = m.payload;
    const size = typeof payload === 'string' ? payload.length : payload ? payload.byteLength : 0;
    if (now() >= this.#until || this.#held.length >= MAX_EVENTS || this.#bytes + size > MAX_BYTES) {
      return false;
    }
    this.#bytes += size;
    this.#held.push(m);
    return true;
  }

  // take returns the held events that wanted picks, in order, and forgets them.
  _take(wanted: (event: string) => boolean): Message[] {
    const all = this.#held;
    this.#held = all.filter((m) => !wanted(m.event));
    return all.filter((m) => wanted(m.event));
  }

  _end(): void {
    clearTimeout(this.#timer);
    this.#until = 0;
    this.#held = [];
  }
}
