// Sending: events, questions and answers, what is parked until there is a connection, and what a
// recovered session sends again.

import { owned } from './bytes.js';
import { encodeData } from './payload.js';
import type { Bytes, Payload } from './codec.js';
import { SmartSocketError, connectionLost, errorToWire } from './errors.js';
import type { Answer } from './ledger.js';
import type { Link } from './link.js';
import type { Listeners } from './listeners.js';
import type { Logger } from './logger.js';
import type { Settings } from './options.js';
import { Parked } from './parked.js';
import { Questions } from './questions.js';
import { Session } from './session.js';
import type { Counters } from './stats.js';
import { ERROR, EVENT, TWO_32 } from './wire.js';

function neverSent(event: string, why: string): SmartSocketError {
  return connectionLost(`"${event}" was never sent: ${why}`);
}

export class Outbox {
  _link: Link | null = null; // the connection, once it is ready
  _closed = false; // whether disconnect() was called
  _session = new Session();
  readonly _questions: Questions;
  readonly _parked: Parked;
  #options: Settings;
  #listeners: Listeners;
  #log: Logger;
  #stats: Counters;

  constructor(options: Settings, listeners: Listeners, log: Logger, stats: Counters) {
    this.#options = options;
    this.#listeners = listeners;
    this.#log = log;
    this.#stats = stats;
    this._questions = new Questions(listeners, log, stats);
    this._parked = new Parked(options, (item, why) => {
      stats.dropped++;
      log.warn(`Dropped event ${item.event}: ${why}`);
      if (item.ack) this.#refuse(item.ack, neverSent(item.event, why));
    });
  }

  // emit sends an event or parks it, and returns whether it did either. ack is the id of a
  // question, or 0.
  _emit(event: string, data: unknown, ack: number): boolean {
    let payload;
    try {
      payload = encodeData(data, event);
    } catch (error) {
      this._questions._forget(ack);
      throw error;
    }
    this.#debug('Emitting event: ' + event);
    const { _link: link } = this, { offlineQueue, offlineQueueSize } = this.#options;
    // A WebSocket that is closing would drop it silently.
    if (link && link._socket!.readyState < 2) return this.#send(link, event, payload, ack);
    if (!this._closed && offlineQueue && offlineQueueSize > 0) {
      this._parked._park(event, payload, ack);
      return true;
    }
    return this.#refuse(ack, neverSent(event, 'not connected'));
  }

  // answer sends an answer, at most once on each link.
  _answer(answer: Answer): void {
    const { _link: link } = this;
    if (!link || answer._on === link) return;
    answer._on = link;
    try {
      this.#answer(link, answer);
    } catch (e) {
      if (!(e instanceof SmartSocketError)) throw e;
      // The engine failed and ended the connection; the server may repeat the question on the next
      // one.
      if (link._phase !== 'ready') return;
      answer._kind = ERROR; // the answer is too large, so the server gets an error instead
      answer._payload = errorToWire(e);
      this.#answer(link, answer);
      this.#listeners._report(e);
    }
  }

  // flush sends what is parked, in order. A question that has failed meanwhile is not sent, because
  // its sender has given it up.
  _flush(): void {
    this._parked._dropOld();
    while (this._link && this._parked._count() > 0) {
      const { event, payload, ack } = this._parked._take()!;
      if (ack && !this._questions._get(ack)) this.#stats.dropped++;
      else this.#send(this._link, event, payload, ack);
    }
  }

  // sendAgain sends, on the link that recovered the session, the questions without an answer, under
  // their old ids, and the events that did not arrive. The server handles each ack id once. The
  // result is an error if events are missing that are not kept any more, else null.
  _sendAgain(link: Link, arrived: number): SmartSocketError | null {
    const { _questions: questions } = this, lost = new Set<number>();
    let { again, missing } = this._session._rewind(arrived);
    again.forEach((item) => lost.add(item.ack));
    const send = (event: string, payload: Payload, ack: number): void => {
      if (this._link === link) this.#send(link, event, payload, ack);
      else this.#keep(event, payload, ack); // the connection has ended, and the next one sends it
    };
    questions._forEach(({ _event: event, _sent: sent, _nth: nth }, id) => {
      if (!sent || lost.has(id)) return;
      if (nth! >= arrived) missing--;
      send(event, sent.payload, id);
    });
    again.forEach(({ event, payload, ack }) => {
      if (!ack || questions._get(ack)) send(event, payload, ack);
    });
    return missing > 0 ? connectionLost(missing +
      ' events did not arrive before the connection was lost, and are not kept any more') : null;
  }

  // asked lists the questions that are not parked any more.
  _asked(): number[] {
    const parked = this._parked._asking(), ids: number[] = [];
    this._questions._forEach((_question, id) => {
      if (!parked.has(id)) ids.push(id);
    });
    return ids;
  }

  // fail ends everything that waits, because no connection will come.
  _fail(error: SmartSocketError): void {
    this._questions._lose(this._asked(), error);
    this._parked._clear(error.message);
  }

  #answer(link: Link, { _kind: kind, _payload: payload, _low: low, _high: high }: Answer): void {
    this.#transmit(link, link.encode(kind, '', payload, low, high, true));
  }

  #send(link: Link, event: string, payload: Payload, ack: number): boolean {
    try {
      this.#transmit(link, link.encode(EVENT, event, payload, ack % TWO_32,
        Math.floor(ack / TWO_32), ack !== 0));
    } catch (error) {
      if (!(error instanceof SmartSocketError)) throw error;
      return this.#refuse(ack, error);
    }
    if (this._session._token.length > 0) this.#keep(event, owned(payload), ack);
    return true;
  }

  // keep remembers an event that was sent, in case the session is recovered later.
  #keep(event: string, payload: Payload, ack: number): void {
    const nth = this._session._keep({ event, payload, ack }), question = this._questions._get(ack);
    if (!question) return;
    question._sent = question._sent || { payload };
    question._nth = nth;
  }

  // transmit hands bytes to the connection.
  #transmit(link: Link, bytes: Bytes): void {
    link.send(bytes);
    this.#stats.messagesSent++;
    this.#debug(`Sent message (${bytes.length} bytes)`);
  }

  // refuse reports that an event was not sent: to the callback of ack, or without one to the error
  // listeners.
  #refuse(ack: number, error: SmartSocketError): boolean {
    // Never before emit has returned, and never without a turn of the event loop: a callback may
    // emit again and again.
    setTimeout(() => {
      if (!ack) this.#listeners._report(error);
      else if (this._questions._get(ack)) this._questions._fail(ack, error);
    }, 0);
    return false;
  }

  #debug(text: string): void {
    const log = this.#log;
    if (log.enabled && log.enabled('debug')) log.debug(text);
  }
}
