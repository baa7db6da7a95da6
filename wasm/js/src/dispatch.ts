// Receiving: events and their ack functions, answers, and errors of the server.

import { ackOf } from './codec.js';
import type { Goaway, Message } from './codec.js';
import type { Credentials } from './credentials.js';
import { Early } from './early.js';
import { CODES, SmartSocketError, errorToWire, invalidFormat } from './errors.js';
import type { Link } from './link.js';
import { isLifecycle } from './listeners.js';
import type { Listeners } from './listeners.js';
import { trace } from './logger.js';
import type { Logger } from './logger.js';
import { errorOf, valueOf } from './message.js';
import type { Outbox } from './outbox.js';
import { encodeData } from './payload.js';
import type { Counters } from './stats.js';
import { ACK, AUTH, ERROR, EVENT, FLAG_ACK, FLAG_SEQ, GOAWAY } from './wire.js';

export type Reply = (response: unknown, error?: unknown) => void;

export class Dispatch {
  #outbox: Outbox;
  #listeners: Listeners;
  #log: Logger;
  #stats: Counters;
  #credentials: Credentials;
  #goaway: (link: Link, fields: Goaway) => void;
  #early = new Early();

  constructor(outbox: Outbox, listeners: Listeners, log: Logger, stats: Counters,
    credentials: Credentials, goaway: (link: Link, fields: Goaway) => void) {
    this.#outbox = outbox;
    this.#credentials = credentials;
    this.#listeners = listeners;
    this.#log = log;
    this.#stats = stats;
    this.#goaway = goaway;
  }

  // received takes an EVENT, ACK, ERROR or GOAWAY of the open link.
  _received(link: Link, m: Message): void {
    const { _session: current, _questions: questions } = this.#outbox, wanted = ackOf(m);
    const session = link._before || current;
    this.#stats.messagesReceived++;
    if (m.flags & FLAG_SEQ) {
      if (link._before === current) return; // it comes again where the session is now
      if (m.seq <= session._lastSeq) { // handled before
        const answer = m.flags & FLAG_ACK && session._ledger._get(wanted);
        if (answer) this.#outbox._answer(answer);
        return;
      }
      session._lastSeq = m.seq;
    }
    switch (m.kind) {
      case EVENT: this.#event(m, link); break;
      case ACK: questions._answer(wanted, m); break;
      case ERROR: this.#peerError(link, m, wanted); break;
      case GOAWAY: this.#goaway(link, m.fields as Goaway); break;
      default: this.#meaningless(`a message of kind ${m.kind} outside the handshake`);
    }
  }

  // begin begins the time in which events are held until they have listeners.
  _begin(): void {
    this.#early._begin((m) => this.#event(m));
  }

  // lookEarly delivers the events that have a listener by now, once its registration has returned.
  _lookEarly(): void {
    Promise.resolve().then(() => {
      this.#early._take((event) => this.#listeners._has(event)).forEach((m) => this.#event(m));
    });
  }

  // end forgets the events that are held.
  _end(): void {
    this.#early._end();
  }

  // invalid counts and reports what made no sense.
  _invalid(error: SmartSocketError): void {
    this.#stats.invalidMessages++;
    this.#listeners._report(error);
  }

  #meaningless(what: string): void {
    this._invalid(invalidFormat('the server sent ' + what));
  }

  #event(m: Message, link?: Link): void {
    const { event } = m, reply = this.#replier(m, link);
    if (event !== AUTH) trace(this.#log, 'Received', event, m.payload);
    if (isLifecycle(event)) {
      this.#meaningless(`the reserved event "${event}"`);
      return;
    }
    if (!this.#listeners._has(event)) {
      if (this.#early._hold(m)) return;
      this.#log.debug('No listener for event: ' + event);
      reply(undefined, new SmartSocketError(CODES.NO_HANDLER,
        `the client has no listener for "${event}"`));
      return;
    }
    let value;
    try {
      value = valueOf(m);
    } catch (e) {
      reply(undefined, invalidFormat('the data is not JSON'));
      this._invalid(invalidFormat(`the data of event "${event}" is not JSON`, e));
      return;
    }
    this.#listeners._raise(event, value, reply);
  }

  // replier makes the ack function of one event. The function does nothing if the server asked for
  // no ack, or after its first call.
  #replier(m: Message, link?: Link): Reply {
    const outbox = this.#outbox, session = link && link._before || outbox._session;
    let open = (m.flags & FLAG_ACK) !== 0;
    return (response, error) => {
      if (!open) return;
      const failed = error !== undefined && error !== null;
      // If this throws, the ack is still open for the error.
      const payload = failed ? errorToWire(error) : encodeData(response, m.event);
      open = false;
      const left = link && link._before && link._phase === 'ready' ? link : null;
      // Otherwise the session is over, so nobody waits for the answer.
      if (session !== outbox._session && !left) return;
      const answer = {
        _kind: failed ? ERROR : ACK,
        _payload: payload,
        _low: m.ackLow,
        _high: m.ackHigh,
        _on: null,
      };
      if (session._token.length > 0) session._ledger._keep(ackOf(m), answer);
      outbox._answer(answer, session === outbox._session ? outbox._link : left);
    };
  }

  #peerError(link: Link, m: Message, id: number): void {
    const error = errorOf(m);
    if (m.flags & FLAG_ACK) {
      this.#outbox._questions._fail(id, error);
      return;
    }
    const expiring = error.event === AUTH && error.code === CODES.AUTH_FAILED;
    if (expiring && this.#credentials._renew(link)) return;
    if (!error.event) link._refusal = error; // the cause, should the server close next
    this.#listeners._report(error);
  }
}
