// The round trip and the server's clock, from the pings of one connection.

import type { ClockFields } from './codec.js';

export class Clock {
  _rtt = 0; // milliseconds, as the server measured it
  _offset = 0; // milliseconds to add to our clock for the server's
  // For each of the last pings, the server's clock when it was sent minus ours when it came, in
  // milliseconds.
  #aheads: number[] = [];
  #rtts: number[] = [];

  // note takes a ping that came now.
  _note(ping: ClockFields, now: number): void {
    keep(this.#aheads, ping.serverTime / 1000 - now);
    if (!(ping.rtt > 0)) return;
    keep(this.#rtts, this._rtt = ping.rtt / 1000);
    // Every ping took at least half of the shortest round trip, and the quickest hardly longer. The
    // rtt in a ping belongs to an earlier ping.
    this._offset = Math.max.apply(null, this.#aheads) + Math.min.apply(null, this.#rtts) / 2;
  }
}

// keep adds n to a list of the last eight. Older ones do not count, because clocks drift and are
// set.
function keep(list: number[], n: number): void {
  if (list.push(n) > 8) list.shift();
}
