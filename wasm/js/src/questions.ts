// The questions: events of ours that wait for an answer, by ack id.

import type { Message, Payload } from './codec.js';
import { CODES, SmartSocketError, connectionLost } from './errors.js';
import type { Listeners } from './listeners.js';
import type { Logger } from './logger.js';
import { valueOf } from './message.js';
import { MAX_KEPT, MAX_KEPT_BYTES, sizeOf } from './session.js';
import type { Counters } from './stats.js';
import { AUTH, MAX_TIMER } from './wire.js';

export type Settle = (response: unknown, error?: SmartSocketError) => void;

export interface Question {
  _event: string;
  _settle: Settle;
  _timer: ReturnType<typeof setTimeout>;
  // What a recovered session sends again, and its number in the session.
  _sent?: { payload: Payload };
  _nth?: number;
}

export class Questions {
  #open = new Map<number, Question>();
  _next = 1; // the next ack id
  #listeners: Listeners;
  #log: Logger;
  #stats: Counters;
  #authenticated: () => void;

  // Questions calls authenticated when the event auth was answered well.
  constructor(listeners: Listeners, log: Logger, stats: Counters, authenticated: () => void) {
    this.#listeners = listeners;
    this.#log = log;
    this.#stats = stats;
    this.#authenticated = authenticated;
  }

  _count(): number {
    return this.#open.size;
  }

  _get(id: number): Question | undefined {
    return this.#open.get(id);
  }

  _forEach(f: (question: Question, id: number) => void): void {
    this.#open.forEach(f);
  }

  // ask registers a question and returns its ack id.
  _ask(event: string, settle: Settle, timeout: number): number {
    const id = this._next++;
    const timer = setTimeout(() => {
      this._fail(id, new SmartSocketError(CODES.ACK_TIMEOUT,
        `no answer to "${event}" within ${timeout} ms`));
    }, Math.min(timeout, MAX_TIMER));
    this.#open.set(id, { _event: event, _settle: settle, _timer: timer });
    return id;
  }

  // forget drops a question whose event was never accepted.
  _forget(id: number): void {
    const question = this.#open.get(id);
    if (!question) return;
    clearTimeout(question._timer);
    this.#open.delete(id);
  }

  // answer hands the answer m to its question.
  _answer(id: number, m: Message): void {
    const question = this.#open.get(id);
    let value, error;
    try {
      value = valueOf(m);
    } catch (e) {
      error = new SmartSocketError(CODES.ACK_INVALID,
        `the answer to "${question && question._event}" is not JSON`, e);
    }
    this.#settle(id, value, error);
  }

  // fail ends the wait for the answer. error is one of ours, or the reason of an AbortSignal.
  _fail(id: number, error: unknown): void {
    this.#settle(id, undefined, error);
  }

  #settle(id: number, value: unknown, error: unknown): void {
    const question = this.#open.get(id);
    if (!question) {
      this.#stats.unknownAcks++;
      this.#log.debug(
        `${CODES.ACK_UNKNOWN}: an answer came for ack ${id}, which nobody waits for`);
      return;
    }
    this._forget(id);
    try {
      question._settle(value, error as SmartSocketError);
    } catch (thrown) {
      this.#listeners._failed(question._event, thrown);
    }
    if (!error && question._event === AUTH) this.#authenticated();
  }

  // lose fails the questions whose answers cannot come any more.
  _lose(ids: number[], error: SmartSocketError): void {
    ids.forEach((id) => {
      if (!this.#open.has(id)) return;
      this._fail(id, error.code === CODES.CONNECTION_LOST ? error
        : connectionLost('the connection was lost: ' + error.message, error));
    });
  }

  // tooMany lists the questions among ids that a recovered session will not send again.
  _tooMany(ids: number[]): number[] {
    let count = 0, bytes = 0;
    return ids.filter((id) => {
      const { _sent: sent } = this.#open.get(id)!;
      if (sent) bytes += sizeOf(sent.payload);
      return !sent || ++count > MAX_KEPT || bytes > MAX_KEPT_BYTES;
    });
  }
}
