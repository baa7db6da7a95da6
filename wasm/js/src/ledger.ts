// The ledger: our answers to the server's questions. After a recovery the server repeats the
// questions that it got no answer to, which the application must not handle twice.

import { owned } from './bytes.js';
import type { Payload } from './codec.js';
import type { Link } from './link.js';

export interface Answer {
  _kind: number;
  _payload: Payload;
  _low: number;
  _high: number;
  _on: Link | null; // the link that sent it last
}

// Bounds of the ledger.
const MAX_ANSWERS = 256, MAX_ANSWER = 16384;

export class Ledger {
  #answers = new Map<number, Answer>(); // by ack id

  // keep enters an answer, unless it is long, and forgets the oldest when there are too many.
  _keep(id: number, answer: Answer): void {
    if (answer._payload && answer._payload.length > MAX_ANSWER) return;
    answer._payload = owned(answer._payload);
    this.#answers.set(id, answer);
    if (this.#answers.size > MAX_ANSWERS) {
      this.#answers.delete(this.#answers.keys().next().value as number);
    }
  }

  _get(id: number): Answer | undefined {
    return this.#answers.get(id);
  }

  _forEach(f: (answer: Answer) => void): void {
    this.#answers.forEach(f);
  }
}
