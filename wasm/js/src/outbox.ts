// Sending: events, questions and answers, and what a recovered session sends again.
//
//   emit ──► sent, or parked until there is a connection
//                │
//   connected ───┴─► connected listeners ──► authentication ──► release, at the server's pace

import { owned } from './bytes.js';
import type { Bytes } from './codec.js';
import { losable } from './delivery.js';
import type { EmitOptions } from './delivery.js';
import { SmartSocketError, connectionLost, errorToWire } from './errors.js';
import type { Answer } from './ledger.js';
import type { Link } from './link.js';
import type { Listeners } from './listeners.js';
import { trace } from './logger.js';
import type { Logger } from './logger.js';
import { Losses } from './losses.js';
import type { Loss } from './losses.js';
import { now } from './now.js';
import type { Settings } from './options.js';
import { Pace } from './pace.js';
import { Parked } from './parked.js';
import type { ParkedEvent } from './parked.js';
import { encodeData } from './payload.js';
import { Questions } from './questions.js';
import { Session } from './session.js';
import type { Sent } from './session.js';
import type { Counters } from './stats.js';
import { AUTH, ERROR, EVENT, TWO_32 } from './wire.js';

// What the queue waits for, as bits.
export const LISTENERS = 1, AUTHENTICATION = 2;

function neverSent(event: string, why: string): SmartSocketError {
  return connectionLost(`"${event}" was never sent: ${why}`);
}

const LOOK = 20; // ms between two looks at what is unsent

type Timer = ReturnType<typeof setTimeout> | undefined;

export class Outbox {
  _link: Link | null = null; // the connection, once it is ready
  _closed = false; // whether disconnect() was called
  _session = new Session();
  readonly _questions: Questions;
  readonly _parked = new Parked();
  readonly _ways = new Map<string, EmitOptions>(); // how an event goes out whose emit does not say
  #options: Settings;
  #listeners: Listeners;
  #log: Logger;
  #stats: Counters;
  #losses: Losses;
  #pace = new Pace();
  #waits = 0; // what the queue waits for on this link
  #behind = false; // what is emitted must wait behind what is parked
  #owes = false; // the event drain
  #releaseTimer: Timer;
  #drainTimer: Timer;

  constructor(options: Settings, listeners: Listeners, log: Logger, stats: Counters) {
    this.#options = options;
    this.#listeners = listeners;
    this.#log = log;
    this.#stats = stats;
    this.#losses = new Losses(log, stats);
    this._questions = new Questions(listeners, log, stats,
      () => this._go(this._link, AUTHENTICATION));
  }

  // begin makes link the connection. The queue waits for waits until go was called, but after a
  // recovery for nothing else than the authentication that the session still lacks.
  _begin(link: Link, recovered: boolean, waits: number): void {
    const { rateLimit, rateWindow } = link._hello!;
    this._link = link;
    this.#waits = recovered ? this.#waits & waits & AUTHENTICATION : waits;
    if (this.#owes) this.#watch(link);
    this.#behind = false;
    this.#pace._begin(rateLimit, rateWindow, recovered);
  }

  // end forgets the connection.
  _end(): void {
    this._link = null;
    clearTimeout(this.#releaseTimer);
    clearTimeout(this.#drainTimer);
  }

  // go releases the queue on link when there is nothing else than what that it waits for.
  _go(link: Link | null, what: number): void {
    if (!link || this._link !== link) return;
    this.#waits &= ~what;
    this._release();
  }

  // emit sends an event or parks it. ack is the id of a question, or 0. It returns false if the
  // event is lost, or if too much is unsent now.
  _emit(event: string, data: unknown, ack: number, options?: EmitOptions): boolean {
    let payload;
    try {
      payload = encodeData(data, event);
    } catch (error) {
      this._questions._forget(ack);
      throw error;
    }
    this.#debug('Emitting event: ' + event);
    if (event !== AUTH) trace(this.#log, 'Emitted', event, payload);
    const how = ack ? undefined : losable(event, options || this._ways.get(event));
    const sent: Sent = { event, payload, ack, _how: how }, link = this.#open();
    if (link && !this.#behind) {
      const full = this.#isFull(link);
      if (!full || !how) {
        if (how && this._parked._supersede(how._key)) this.#losses._replaced();
        return this.#send(link, sent) && !this.#isFull(link);
      }
      if (!how._volatile) this.#park(sent, true);
      else this.#losses._lost('volatile');
      return false;
    }
    const { offlineQueue, offlineQueueSize } = this.#options;
    if (how && how._volatile) {
      this.#losses._lost('volatile');
      return false;
    }
    if (!link && (this._closed || !offlineQueue || offlineQueueSize === 0)) {
      return this.#refuse(ack, neverSent(event, 'not connected'));
    }
    this.#park(sent, false);
    return true;
  }

  // answer sends an answer, at most once on each link.
  _answer(answer: Answer, link = this._link): void {
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

  // release sends what is parked, in order, as far as the server's rate limit and its reading
  // allow. What is left follows later, and what is emitted meanwhile waits behind it.
  _release(): void {
    const { _parked: parked } = this;
    if (this.#waits || !this._link) return;
    clearTimeout(this.#releaseTimer);
    for (let item, link; (link = this.#open()) && (item = parked._first());) {
      const time = now();
      if (this.#isLate(item, time)) {
        this.#lose(parked._take(), 'late', 'it waited too long for a connection');
        continue;
      }
      const wait = this.#pace._wait(time);
      if (wait > 0) this.#releaseTimer = setTimeout(() => this._release(), wait);
      if (wait > 0 || this.#isFull(link)) break;
      this.#send(link, parked._take());
    }
    this.#behind = parked._holdsUp();
    if (parked._count() === 0) this.#losses._warn();
  }

  // sendAgain sends, on the link that recovered the session, the questions without an answer, under
  // their old ids, and the events that did not arrive. The server handles each ack id once. The
  // result is an error if events are missing that are not kept any more, else null.
  _sendAgain(link: Link, arrived: number): SmartSocketError | null {
    const { _questions: questions } = this, lost = new Set<number>();
    let { again, missing } = this._session._rewind(arrived);
    again.forEach((item) => lost.add(item.ack));
    const send = (sent: Sent): void => {
      if (this._link === link) this.#send(link, sent);
      else this.#keep(sent); // the connection has ended, and the next one sends it
    };
    questions._forEach(({ _event: event, _sent: sent, _nth: nth }, ack) => {
      if (!sent || lost.has(ack)) return;
      if (nth! >= arrived) missing--;
      send({ event, payload: sent.payload, ack });
    });
    this.#worthAgain(again).forEach((sent) => {
      if (!sent.ack || questions._get(sent.ack)) send(sent);
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
    this._clear(error.message);
  }

  // clear drops everything that is parked.
  _clear(why: string): void {
    while (this._parked._count() > 0) this.#lose(this._parked._take(), 'other', why);
    this.#losses._warn();
  }

  // open is the link, unless its WebSocket is closing, which would drop everything silently.
  #open(): Link | null {
    const { _link: link } = this;
    return link && link._socket!.readyState < 2 ? link : null;
  }

  // isFull reports whether too much is unsent, and sees to it that the application is told when
  // there is room again.
  #isFull(link: Link): boolean {
    const { highWaterMark } = this.#options;
    if (link._unsent() <= highWaterMark) return false;
    if (!this.#owes) this.#watch(link);
    return true;
  }

  // watch looks for room, also on the link after the one that was full.
  #watch(link: Link): void {
    this.#owes = true;
    this.#drainTimer = setTimeout(() => {
      if (link._unsent() > this.#options.highWaterMark / 2) {
        this.#watch(link);
        return;
      }
      this.#owes = false;
      this._release();
      this.#listeners._raise('drain');
    }, LOOK);
  }

  #park(sent: Sent, held: boolean): void {
    const { _parked: parked } = this, { event, payload, ack, _how: how } = sent;
    if (parked._park({ event, payload, ack, _how: how, _at: now(), _held: held })) {
      this.#losses._replaced();
    }
    while (parked._count() > this.#options.offlineQueueSize) {
      this.#lose(parked._take(), 'full', 'the offline queue is full');
    }
  }

  // isLate reports whether a parked event must not be sent any more. The sender of a question that
  // has failed meanwhile has given it up.
  #isLate({ ack, _at: at, _how: how }: ParkedEvent, time: number): boolean {
    return time - at > this.#options.offlineQueueAge || !!how && time > how._until ||
      ack > 0 && !this._questions._get(ack);
  }

  // worthAgain returns the events of list, which did not arrive, without those that may be lost:
  // volatile ones, late ones, and states of which there is a newer one.
  #worthAgain(list: Sent[]): Sent[] {
    const newer = new Set<string>(), losses = this.#losses;
    return list.reverse().filter(({ _how: how }) => {
      if (!how) return true;
      const { _key: key } = how;
      if (how._volatile) losses._lost('volatile');
      else if (now() > how._until) losses._lost('late');
      else if (key && (newer.has(key) || this._parked._has(key))) losses._replaced();
      else return newer.add(key);
      return false;
    }).reverse();
  }

  #lose({ event, ack }: Sent, loss: Loss, why: string): void {
    this.#losses._lost(loss);
    if (ack && this._questions._get(ack)) this.#refuse(ack, neverSent(event, why));
  }

  #answer(link: Link, { _kind: kind, _payload: payload, _low: low, _high: high }: Answer): void {
    this.#transmit(link, link.encode(kind, '', payload, low, high, true));
  }

  #send(link: Link, sent: Sent): boolean {
    const { event, payload, ack } = sent;
    try {
      this.#transmit(link, link.encode(EVENT, event, payload, ack % TWO_32,
        Math.floor(ack / TWO_32), ack !== 0));
    } catch (error) {
      if (!(error instanceof SmartSocketError)) throw error;
      return this.#refuse(ack, error);
    }
    this.#pace._note(now());
    if (this._session._token.length > 0) {
      sent.payload = owned(payload);
      this.#keep(sent);
    }
    if (event === AUTH && !ack) this._go(link, AUTHENTICATION);
    return true;
  }

  // keep remembers an event that was sent, in case the session is recovered later.
  #keep(sent: Sent): void {
    const nth = this._session._keep(sent), question = this._questions._get(sent.ack);
    if (!question) return;
    question._sent = question._sent || { payload: sent.payload };
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
