// The events that are parked: until there is a connection, until the server's rate limit lets them
// pass, or until less is unsent.

import { owned } from './bytes.js';
import type { Sent } from './session.js';

export interface ParkedEvent extends Sent {
  _at: number; // when it was parked, by now()
  _held: boolean; // it waits for room alone, so what is emitted later need not wait for it
}

export class Parked {
  #events: ParkedEvent[] = [];
  #states = new Map<string, ParkedEvent>(); // of them, by key

  _count(): number {
    return this.#events.length;
  }

  // park keeps an event, in the place of the state that it replaces. It reports whether there was
  // one.
  _park(event: ParkedEvent): boolean {
    const key = event._how ? event._how._key : '', old = this.#states.get(key);
    event.payload = owned(event.payload);
    if (key && old) {
      old.payload = event.payload;
      old._how = event._how;
      old._at = event._at;
      return true;
    }
    if (key) this.#states.set(key, event);
    this.#events.push(event);
    return false;
  }

  // supersede forgets the state of this key, because a newer one is sent at once: behind that it
  // would undo it. It reports whether there was one.
  _supersede(key: string): boolean {
    const old = this.#states.get(key);
    if (!old) return false;
    this.#events = this.#events.filter((event) => event !== old);
    return this.#states.delete(key);
  }

  _has(key: string): boolean {
    return this.#states.has(key);
  }

  // first returns the oldest event.
  _first(): ParkedEvent | undefined {
    return this.#events[0];
  }

  // take returns the oldest event, which is then not parked any more.
  _take(): ParkedEvent {
    const event = this.#events.shift()!;
    if (event._how) this.#states.delete(event._how._key);
    return event;
  }

  // lead moves the event of this name to the front, and reports whether there is one.
  _lead(name: string): boolean {
    const events = this.#events, found = events.filter(({ event }) => event === name)[0];
    if (found) events.unshift(events.splice(events.indexOf(found), 1)[0]);
    return !!found;
  }

  // holdsUp reports whether something is parked that newer events must not overtake.
  _holdsUp(): boolean {
    return this.#events.some(({ _held: held }) => !held);
  }

  // asking returns the ack ids of the questions that are parked.
  _asking(): Set<number> {
    const ids = new Set<number>();
    this.#events.forEach(({ ack }) => ids.add(ack));
    return ids;
  }
}
