// Session: what outlives a lost connection, so that the next one can recover it.

import type { Bytes, Payload } from './codec.js';
import type { Losable } from './delivery.js';
import { Ledger } from './ledger.js';

// Bounds of the events that are kept while the session may be recovered, and of the unanswered
// questions among them.
export const MAX_KEPT = 1024, MAX_KEPT_BYTES = 1 << 20;

// Sent is an event that went out; ack is the id of its question, or 0.
export interface Sent {
  event: string;
  payload: Payload;
  ack: number;
  _how?: Losable; // undefined = reliable
}

export function sizeOf(payload: Payload): number {
  return payload ? payload.length : 0;
}

export class Session {
  _token: Bytes = new Uint8Array(0); // empty: the server keeps no session
  _lastSeq = 0; // of the server's messages
  readonly _ledger = new Ledger();
  #sent: Sent[] = []; // the last of them
  #bytes = 0;
  #count = 0; // how many events the session has sent

  // keep remembers an event that was sent, and returns its number in the session. Of a volatile one
  // only the number counts.
  _keep(sent: Sent): number {
    if (sent._how && sent._how._volatile) sent.payload = undefined;
    this.#bytes += sizeOf(sent.payload);
    this.#sent.push(sent);
    while (this.#sent.length > MAX_KEPT || this.#bytes > MAX_KEPT_BYTES) {
      this.#bytes -= sizeOf(this.#sent.shift()!.payload);
    }
    return ++this.#count;
  }

  // rewind goes back to where the server got: arrived is one more than the number of events that it
  // has, or 0 if it does not tell. It returns the events that it lacks, and the number of those
  // that are not kept any more.
  _rewind(arrived: number): { again: Sent[]; missing: number } {
    const missing = arrived > 0 ? this.#count - arrived + 1 : 0;
    const again = missing > 0 ? this.#sent.slice(-missing) : [];
    this.#count = Math.max(arrived, 1) - 1;
    this.#bytes = 0;
    this.#sent = [];
    return { again, missing: missing - again.length };
  }
}
