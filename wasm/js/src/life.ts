// Life: from connect() until disconnect() or the final failure, the connections of a client one
// after the other, and the waits between them. A connection is a Link (link.ts), what outlives it
// is in the outbox.
//
//   idle ──connect()──► connecting ──► connected ──loss──► waiting ──► connecting …
//
// disconnect() leads to closed from every state. A failed first attempt, a final refusal and giving
// up lead to idle.

import { CAP, HEALTHY, backoff, isFatal } from './backoff.js';
import { CLOSE_REPLACED } from './closing.js';
import type { ConnectAck, Goaway, Message } from './codec.js';
import { Credentials } from './credentials.js';
import { Dispatch } from './dispatch.js';
import { CODES, SmartSocketError, connectionLost, messageOf } from './errors.js';
import type { Keeper } from './keep.js';
import { Link } from './link.js';
import type { Host } from './link.js';
import type { Listeners } from './listeners.js';
import type { Logger } from './logger.js';
import type { Leaving, Mover } from './move.js';
import { now } from './now.js';
import type { Settings } from './options.js';
import { AUTHENTICATION, LISTENERS } from './outbox.js';
import type { Outbox } from './outbox.js';
import { loadPart, parts } from './parts.js';
import { resume } from './resume.js';
import { Session } from './session.js';
import type { Counters } from './stats.js';
import { isSafe, shown } from './targets.js';
import { Trial } from './trial.js';
import { onWake } from './wake.js';
import { AUTH, EVENT } from './wire.js';

const NAP = 1000; // ms
const MOVE_TIME = 10000; // ms, how long a connection is kept at most after its replacement
const MAX_MOVE_TIME = 60000; // ms, the same when the server says it
const PATIENCE = 60000; // ms, how long the queue waits for connected listeners

interface Attempt {
  _promise: Promise<void>;
  _resolve: () => void;
  _reject: (error: SmartSocketError) => void;
}

type Timer = ReturnType<typeof setTimeout> | undefined;

// Shell is what a life does with the client that has it.
export interface Shell {
  // connect calls the public method, so that an application can wrap it.
  _connect(): Promise<void>;
  // tell shows applications the state of the connection; without an id that stays.
  _tell(connected: boolean, id?: string, recovered?: boolean): void;
}

export class Life {
  _link: Link | null = null; // the connection, from the attempt on
  _connectedAt = 0;
  readonly _dispatch: Dispatch;
  #shell: Shell;
  #host: Host;
  #options: Settings;
  #log: Logger;
  #stats: Counters;
  #listeners: Listeners;
  #outbox: Outbox;
  #credentials: Credentials;
  #trial: Trial;
  #url = ''; // of the link
  #keeper: Keeper | null = null;
  #asleep: (() => void) | null = null; // ends the watch for the time to wake
  #state: 'idle' | 'connecting' | 'connected' | 'waiting' | 'closed' = 'idle';
  #connecting: Attempt | null = null; // the running one
  #lost = false; // a connection was lost and is not replaced yet
  #told = false; // the server has said when to come back
  #timer: Timer;
  #healthTimer: Timer;
  #patienceTimer: Timer;
  #drain: { at: number; url: string } | null = null; // after GOAWAY
  #mover: Mover | null = null; // makes the connection that replaces the link
  #moves = 0; // whose links were not healthy
  #leaving: Leaving | null = null; // the link before, while it is still open

  // A life throws a TypeError for an unusable URL.
  constructor(url: string, options: Settings, host: Host, shell: Shell, outbox: Outbox,
    listeners: Listeners, log: Logger, stats: Counters) {
    this.#shell = shell;
    this.#host = host;
    this.#options = options;
    this.#log = log;
    this.#stats = stats;
    this.#listeners = listeners;
    this.#outbox = outbox;
    this.#trial = new Trial(url, options);
    this.#credentials = new Credentials(options, outbox, listeners);
    this._dispatch = new Dispatch(outbox, listeners, log, stats, this.#credentials,
      (link, fields) => this.#goaway(link, fields));
    // Those of the page before were smaller, and an id is used once in a session.
    if (options.keepSession) outbox._questions._next = Date.now();
  }

  _connect(): Promise<void> {
    if (this.#state === 'connected') return Promise.resolve();
    if (this.#state === 'connecting') return this.#connecting!._promise;
    if (this.#state !== 'waiting') this.#trial._travel(this.#trial._home());
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#state = 'connecting';
    this.#outbox._closed = false;
    this.#asleep = this.#asleep || onWake(() => this.#wake());
    const attempt = this.#connecting = this.#connecting || newAttempt();
    this.#openLink(attempt);
    return attempt._promise;
  }

  _disconnect(): void {
    const was = this.#state, link = this._link, attempt = this.#connecting;
    const error = connectionLost('disconnect() was called');
    this.#state = 'closed';
    this.#outbox._closed = true;
    this.#stopMoving();
    if (this.#leaving) this.#leaving.end();
    this.#drain = null;
    this.#outbox._session = new Session();
    this._dispatch._end();
    if (this.#keeper) this.#keeper.end();
    this.#keeper = null;
    this.#rest();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#leave();
    if (link) {
      this.#countBytes(link);
      link.close();
    }
    this.#outbox._fail(error);
    if (attempt) {
      attempt._promise.catch(() => {}); // who calls disconnect() need not hear of it here
      attempt._reject(error);
    }
    if (was === 'connected') {
      this.#listeners._raise('disconnected', error.message,
        { code: 1000, reason: '', reconnects: false });
    }
  }

  // openLink starts one connection for the attempt, to the next address.
  #openLink(attempt: Attempt): void {
    this.#url = this.#trial._next();
    this.#log.info('Connecting to ' + shown(this.#url));
    const link: Link = this._link = this.#newLink(this.#url,
      (ack) => this.#ready(link, ack, attempt),
      (error, code) => this.#failAttempt(error, code, attempt));
  }

  #newLink(url: string, ready: (ack: ConnectAck) => void,
    failed: (error: SmartSocketError, code: number) => void): Link {
    const link: Link = new Link({
      _url: url,
      _options: this.#options,
      _host: this.#host,
      _credentials: () => this.#prepare(() => link._phase === 'ended'),
      _session: () => this.#outbox._session,
      _log: this.#log,
    }, {
      _ready: ready,
      _message: (m) => this.#received(link, m),
      _invalid: (error) => this._dispatch._invalid(error),
      _closed: (error, code, reason, wasReady) => {
        const { link: left = null } = this.#leaving || {};
        if (link === left) {
          this.#leaving!.end();
          return;
        }
        // The connection that is being made has taken the session over already.
        const { next = null } = this.#mover || {};
        if (wasReady && code === CLOSE_REPLACED && next && next._phase === 'joining') return;
        this.#countBytes(link);
        if (wasReady) this.#lose(error, code, reason);
        else failed(error, code);
      },
    });
    return link;
  }

  #received(link: Link, m: Message): void {
    if (this.#leaving && m.kind === EVENT && link === this._link) this.#leaving.hear();
    this._dispatch._received(link, m);
  }

  // prepare resolves with the API key of an attempt. The first one may go on with the session of
  // the page before. ended tells whether the attempt is over.
  #prepare(ended: () => boolean): Promise<string> {
    const credentials = this.#credentials, options = this.#options;
    return credentials._ask().then((key) => {
      if (!options.keepSession || this.#keeper || ended()) return key;
      return resume(this.#trial._home(), options, credentials, this.#outbox).then((keeper) => {
        if (this.#keeper || ended()) keeper.end();
        else this.#keeper = keeper;
      }, (error) => {
        if (!ended()) this.#log.warn('the session will not outlive a reload: ' + messageOf(error));
      }).then(() => key);
    });
  }

  // ready runs when the handshake is done.
  #ready(link: Link, ack: ConnectAck, attempt: Attempt): void {
    const outbox = this.#outbox, again = this.#lost;
    const unknown = ack.recovered ? [] : outbox._asked();
    if (again) this.#stats.reconnects++;
    else this._dispatch._begin();
    this.#begin(link, ack, again, unknown);
    attempt._resolve();
  }

  // begin makes link, which is ready, the connection. unknown are the questions that nobody will
  // answer any more.
  #begin(link: Link, ack: ConnectAck, again: boolean, unknown: number[]): void {
    const outbox = this.#outbox;
    if (!ack.recovered) outbox._session = new Session();
    outbox._session._token = ack.sessionToken;
    this.#state = 'connected';
    this.#connecting = null;
    this.#lost = false;
    this.#drain = null;
    this._connectedAt = now();
    this.#shell._tell(true, ack.socketId, ack.recovered);
    this.#healthTimer = setTimeout(() => {
      this.#trial._forgive();
      if (this.#options.maxReconnectAttempts !== 0) loadPart('move').catch(() => {}); // goaway too
    }, HEALTHY);
    this.#log.info('Connected to server');
    outbox._begin(link, ack.recovered, this.#waits(link));
    const missing = ack.recovered ? outbox._sendAgain(link, ack.arrived) : null;
    // Answers that came without a connection.
    outbox._session._ledger._forEach((answer) => { if (!answer._on) outbox._answer(answer); });
    if (!ack.recovered) this.#credentials._begin(link);
    outbox._release();
    outbox._questions._lose(unknown, connectionLost(
      'the session ended with the lost connection; whether the server handled this is unknown'));
    this.#welcome(link, again && { _recovered: ack.recovered });
    if (missing) this.#listeners._report(missing);
  }

  // moved runs when a link is ready that replaces the one of before, which is still open.
  #moved(link: Link, url: string, ack: ConnectAck, within: number): void {
    const outbox = this.#outbox, { _questions: questions } = outbox, from = this._link!;
    const asked = ack.recovered ? [] : outbox._asked();
    if (this.#leaving) this.#leaving.end(); // two at a time are enough
    this.#mover = null;
    from._before = outbox._session;
    this.#leave(false);
    this._link = link;
    this.#url = url;
    this.#stats.moves++;
    const waits = () => asked.some((id) => questions._get(id));
    this.#leaving = new parts.move!.Leaving(from, within, now, waits, () => {
      this.#leaving = null;
      this.#countBytes(from);
      if (from._phase !== 'ended') from.close();
      questions._lose(asked, connectionLost('the connection ended before the answer came'));
    });
    this.#begin(link, ack, true, []);
  }

  #stopMoving(): void {
    if (this.#mover) this.#mover.end();
    this.#mover = null;
  }

  // waits says what the queue waits for in a new session on link.
  #waits(link: Link): number {
    const led = this.#outbox._parked._lead(AUTH); // which goes out first, and needs no other
    return (this.#listeners._has('connected') ? LISTENERS : 0) |
      (!led && this.#credentials._awaits(link) ? AUTHENTICATION : 0);
  }

  // welcome tells the application about a connection, which is again the one of before, and lets
  // the queue go when its listeners have finished.
  #welcome(link: Link, again: false | { _recovered: boolean }): void {
    const running: PromiseLike<unknown>[] = [];
    const go = (): void => {
      clearTimeout(this.#patienceTimer);
      if (this.#leaving && link === this._link) this.#leaving.finish();
      this.#outbox._go(link, LISTENERS);
    };
    if (this._link !== link) return; // a failing engine may have ended it already
    this.#listeners._raise('connected', undefined, undefined, undefined, running);
    if (again && this._link === link) {
      this.#listeners._raise('reconnected', again._recovered);
    }
    if (this._link !== link || running.length === 0) return go();
    this.#patienceTimer = setTimeout(() => {
      go();
      this.#listeners._report(new SmartSocketError(CODES.HANDLER_FAILED,
        `a listener of "connected" did not settle its promise in ${PATIENCE} ms, and the queue ` +
        'waits no longer'));
    }, PATIENCE);
    Promise.all(running).then(() => { if (this._link === link) go(); });
  }

  // failAttempt ends an attempt that never became a connection, and begins or plans the next one.
  #failAttempt(error: SmartSocketError, code: number, attempt: Attempt): void {
    const fatal = isFatal(code, error.code), lost = this.#lost;
    this._link = null;
    this.#log.info(`Connecting failed: ${error.code} ${error.message}`);
    if (!lost && !fatal && this.#trial._isFirstTurn()) {
      this.#listeners._report(error, true);
      if (this.#connecting === attempt) this.#openLink(attempt);
      return;
    }
    if (lost) { // a wrapper of connect() is told of each attempt
      this.#connecting = null;
      attempt._reject(error);
    }
    const { retryConnect, maxReconnectAttempts: most } = this.#options;
    if (fatal || !lost && !(retryConnect && most !== 0)) {
      this.#giveUp(error);
      return;
    }
    this.#state = 'waiting';
    this.#trial._failed(error);
    this.#listeners._report(error, !lost);
    if (this.#state === 'waiting' && !this.#timer) this.#scheduleReconnect(error);
  }

  // lose runs when an open connection ended and disconnect() was not called.
  #lose(error: SmartSocketError, code: number, reason: string): void {
    const fatal = isFatal(code), outbox = this.#outbox, drain = this.#drain;
    const { retryAfter } = this._link!._refusal || error;
    this.#trial._travel(drain && drain.url || this.#url);
    this.#stopMoving();
    this.#leave();
    this.#lost = !fatal;
    this.#state = fatal ? 'idle' : 'waiting';
    this.#log.info('Disconnected: ' + error.message);
    const asked = outbox._asked();
    outbox._questions._lose(fatal || outbox._session._token.length === 0 ? asked
      : outbox._questions._tooMany(asked), error);
    if (fatal) {
      outbox._clear(error.message);
      this.#rest();
    }
    const why = code >= 1000 && code !== 1006 ? 'closed by the server' : 'connection lost';
    this.#listeners._raise('disconnected', reason || why,
      { code, reason, reconnects: this.#lost && this.#options.maxReconnectAttempts !== 0 });
    if (fatal) this.#listeners._report(error);
    else if (this.#state === 'waiting' && !this.#timer) {
      this.#scheduleReconnect(undefined, retryAfter);
    }
  }

  // leave forgets the current link. Without tell the application does not hear of it.
  #leave(tell = true): void {
    clearTimeout(this.#healthTimer);
    clearTimeout(this.#patienceTimer);
    this._link = null;
    this.#outbox._end();
    this.#credentials._end();
    if (tell) this.#shell._tell(false);
  }

  // rest ends the attempts, and the watch for the time to wake.
  #rest(): void {
    this.#lost = false;
    this.#connecting = null;
    this.#trial._forgive();
    if (this.#asleep) this.#asleep();
    this.#asleep = null;
  }

  // wake tries again at once, or asks a connection that may be dead for a sign of life.
  #wake(): void {
    if (!this.#told) this.#trial._hurry();
    if (this.#timer && !this.#told) {
      clearTimeout(this.#timer);
      this.#reconnect();
    } else if (this._link) this._link._probe();
  }

  // scheduleReconnect plans the next attempt. last is why the one before failed.
  #scheduleReconnect(last?: SmartSocketError, retryAfter = last && last.retryAfter): void {
    const drain = this.#drain;
    let delay = this.#trial._delay(last, retryAfter);
    if (delay < 0) {
      const { maxReconnectAttempts: most } = this.#options;
      this.#giveUp(connectionLost((most === 0 ? 'reconnecting is switched off'
        : `there was no connection in ${most} attempts`) + ': call connect() to try again', last));
      return;
    }
    if (drain) delay = Math.max(0, drain.at - now());
    this.#drain = null;
    this.#told = !!(retryAfter || drain);
    this.#log.info(`Reconnecting in ${Math.round(delay)} ms, attempt ${this.#trial._attempts}`);
    this.#sleep(now() + delay);
    this.#listeners._raise('reconnecting', this.#trial._attempts, delay, last);
  }

  // sleep waits until due, in short naps: a timer may stand still while the machine sleeps.
  #sleep(due: number): void {
    this.#timer = setTimeout(() => {
      if (now() < due) this.#sleep(due);
      else this.#reconnect();
    }, Math.min(due - now(), NAP));
  }

  // reconnect calls the public connect, so that an application can wrap it.
  #reconnect(): void {
    this.#timer = undefined;
    new Promise((resolve) => resolve(this.#shell._connect())).catch((error) => {
      this.#log.debug('reconnecting failed: ' + messageOf(error));
      // A wrapper of connect() failed before it called us.
      if (this.#state === 'waiting' && !this.#timer) this.#scheduleReconnect();
    });
  }

  // giveUp ends the attempts for good.
  #giveUp(error: SmartSocketError): void {
    const attempt = this.#connecting, lost = this.#lost;
    this.#state = 'idle';
    this.#rest();
    if (lost) this.#outbox._fail(error);
    this.#listeners._report(error, !!attempt);
    if (attempt) attempt._reject(error);
  }

  // goaway plans the move to another server, or back to this one, at a random time within the
  // window, but not later than after the longest delay of our own.
  #goaway(link: Link, fields: Goaway): void {
    if (link !== this._link) return; // it is left already
    const wait = Math.random() * Math.min(fields.reconnectWindow, CAP);
    let url = '';
    if (fields.url) {
      try {
        url = this.#trial._beside(fields.url);
      } catch {
        this.#log.warn('the server named an unusable URL to move to');
      }
      if (!isSafe(url, this.#trial._home())) url = '';
    }
    const { maxReconnectAttempts: most } = this.#options;
    this.#drain = { at: now() + wait, url };
    if (fields.move && most !== 0) {
      loadPart('move').then(() => this.#move(link, fields, wait, url), (error) => {
        this.#log.warn('no connection before the next one: ' + messageOf(error));
        this.#endSoon(link, wait);
      });
    } else this.#endSoon(link, wait);
  }

  #endSoon(link: Link, wait: number): void {
    this.#log.info(`The server is going away; reconnecting in ${Math.round(wait)} ms`);
    link._moveTimer = setTimeout(() => {
      if (this._link !== link || link._phase !== 'ready') return;
      link.end(connectionLost('the server asked its clients to reconnect'), 1001, 'going away');
    }, wait);
  }

  // move opens the next connection before this one is left. One GOAWAY counts, and a server that
  // sends away who has just come does not make it hurry.
  #move(link: Link, { deadline }: Goaway, wait: number, url: string): void {
    const within = deadline > 0 ? Math.min(deadline, MAX_MOVE_TIME) : MOVE_TIME;
    if (this.#mover || this._link !== link) return;
    if (now() - this._connectedAt < HEALTHY) {
      wait = Math.max(wait, this.#moves++ ? backoff(this.#moves, this.#options.reconnectDelay,
        Math.random()) : 0);
    } else this.#moves = 0;
    this.#log.info('The server is going away; moving to another connection');
    this.#mover = new parts.move!.Mover(this.#trial._turn(url || this.#url),
      Math.min(wait, within / 2), (to, ready, failed) => this.#newLink(to, ready, (error, code) => {
        if (this._link!._phase !== 'ended') failed(error, code);
        else { // there is nothing to stay on
          this.#countBytes(this._link!);
          this.#lose(error, 0, '');
        }
      }),
      (next, to, ack) => this.#moved(next, to, ack, within),
      (to, error, code, round) => {
        this.#log.warn('The next connection could not be made, staying on this one: ' +
          `${shown(to)}: ${error.message}`);
        return isFatal(code, error.code) ? -1
          : Math.max(backoff(round, this.#options.reconnectDelay, Math.random()),
            Math.min(error.retryAfter || 0, MOVE_TIME / 4));
      });
  }

  #countBytes(link: Link): void {
    this.#stats.bytesSent += link.bytesSent;
    this.#stats.bytesReceived += link.bytesReceived;
  }
}

function newAttempt(): Attempt {
  const attempt = {} as Attempt;
  attempt._promise = new Promise((resolve, reject) => {
    attempt._resolve = resolve;
    attempt._reject = reject;
  });
  return attempt;
}
