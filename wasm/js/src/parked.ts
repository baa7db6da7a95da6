// The events that are parked until there is a connection.

import { owned } from './bytes.js';
import type { Payload } from './codec.js';
import type { Settings } from './options.js';
import type { Sent } from './session.js';

export interface ParkedEvent extends Sent {
  at: number;
}

export class Parked {
  #events: ParkedEvent[] = [];
  #options: Settings;
  #dropped: (event: ParkedEvent, why: string) => void;

  // Parked calls dropped for each event that it gives up.
  constructor(options: Settings, dropped: (event: ParkedEvent, why: string) => void) {
    this.#options = options;
    this.#dropped = dropped;
  }

  _count(): number {
    return this.#events.length;
  }

  // park keeps an event, and drops the oldest when too many are parked.
  _park(event: string, payload: Payload, ack: number): void {
    this._dropOld();
    while (this._count() >= this.#options.offlineQueueSize) {
      this.#dropFirst('the offline queue is full');
    }
    this.#events.push({ event, payload: owned(payload), ack, at: Date.now() });
  }

  // take returns the oldest event, which is then not parked any more.
  _take(): ParkedEvent | undefined {
    return this.#events.shift();
  }

  // asking returns the ack ids of the questions that are parked.
  _asking(): Set<number> {
    const ids = new Set<number>();
    this.#events.forEach((event) => ids.add(event.ack));
    return ids;
  }

  _dropOld(): void {
    const oldest = Date.now() - this.#options.offlineQueueAge;
    while (this._count() > 0 && this.#events[0].at < oldest) {
      this.#dropFirst('it waited too long for a connection');
    }
  }

  // clear drops everything, because no connection will come.
  _clear(why: string): void {
    while (this._count() > 0) this.#dropFirst(why);
  }

  #dropFirst(why: string): void {
    this.#dropped(this.#events.shift()!, why);
  }
}
