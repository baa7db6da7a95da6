// Moving: a server that is about to stop says so in a GOAWAY with the bit move. Then the next
// connection is opened before the old one is left.
//
//   GOAWAY ──wait──► Mover ──CONNECT_ACK──► Leaving: what was asked on the old one is answered
//                 ▲    │ failed                there, and what still comes on it is heard
//                 └────┘ staying

import { backoff, isFatal } from './backoff.js';
import type { ConnectAck } from './codec.js';
import { connectionLost } from './errors.js';
import type { SmartSocketError } from './errors.js';
import type { Link } from './link.js';
import type { Logger } from './logger.js';
import { now } from './now.js';
import type { Settings } from './options.js';
import type { Questions } from './questions.js';
import { shown } from './targets.js';

const OVERLAP = 1000; // ms, how long the old link is kept if no event comes on the new one
const LOOK = 20; // ms between two looks at what the old link is kept for
const MOVE_TIME = 10000; // ms, how long it is kept at most if the server does not say
const MAX_MOVE_TIME = 60000; // ms, the most that the server may say

// moveTime is how long the old link is kept, when the server said deadline.
export function moveTime(deadline: number): number {
  return deadline > 0 ? Math.min(deadline, MAX_MOVE_TIME) : MOVE_TIME;
}

type Ready = (ack: ConnectAck) => void;
type Failed = (error: SmartSocketError, code: number) => void;

// Open makes a link to url, which calls one of the two.
export type Open = (url: string, ready: Ready, failed: Failed) => Link;

// Mover makes the connection that replaces one that is still open.
export class Mover {
  #open: Open;
  #urls: string[]; // to try in turn
  #options: Settings;
  #log: Logger;
  #moved: (link: Link, url: string, ack: ConnectAck) => void;
  #next: Link | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #rounds = 0;
  #over = false;

  constructor(urls: string[], wait: number, options: Settings, log: Logger, open: Open,
    moved: (link: Link, url: string, ack: ConnectAck) => void) {
    this.#urls = urls;
    this.#options = options;
    this.#log = log;
    this.#open = open;
    this.#moved = moved;
    this.#wait(wait);
  }

  // end gives up.
  _end(): void {
    const next = this.#next;
    this.#over = true;
    this.#next = null;
    clearTimeout(this.#timer);
    if (next) next.close();
  }

  // joins reports whether the server may have taken the next connection by now.
  _joins(): boolean {
    return !!this.#next && this.#next._phase === 'joining';
  }

  #wait(ms: number): void {
    this.#timer = setTimeout(() => this.#try(0), ms);
  }

  // try makes an attempt at the ith address.
  #try(i: number): void {
    const url = this.#urls[i];
    const link: Link = this.#next = this.#open(url, (ack) => {
      this.#next = null;
      this.#over = true;
      this.#moved(link, url, ack);
    }, (error, code) => {
      this.#next = null;
      if (this.#over) return;
      this.#log.warn('The next connection could not be made, staying on this one: ' +
        `${shown(url)}: ${error.message}`);
      if (isFatal(code, error.code)) return;
      if (i + 1 < this.#urls.length) this.#try(i + 1);
      else {
        this.#wait(Math.max(backoff(++this.#rounds, this.#options.reconnectDelay, Math.random()),
          Math.min(error.retryAfter || 0, MOVE_TIME / 4)));
      }
    });
  }
}

// Leaving keeps a link that was replaced, until nothing more is expected on it.
export class Leaving {
  readonly _link: Link;
  #asked: number[]; // what was asked on it
  #questions: Questions;
  #left: () => void;
  #begun = now();
  #heard = false;
  #ready = false;
  #timer: ReturnType<typeof setInterval>;

  // A Leaving lasts for within ms at most, and calls left at its end.
  constructor(link: Link, asked: number[], questions: Questions, within: number,
    left: () => void) {
    this._link = link;
    this.#asked = asked;
    this.#questions = questions;
    this.#left = left;
    this.#timer = setInterval(() => {
      const passed = now() - this.#begun, waits = asked.some((id) => questions._get(id));
      if (passed >= within ||
        this.#ready && (this.#heard || passed >= OVERLAP) && !waits) this._end();
    }, LOOK);
  }

  // hear notes an event on the new link, ready that the connected listeners have finished.
  _hear(): void {
    this.#heard = true;
  }

  _finish(): void {
    this.#ready = true;
  }

  // end leaves the link. What was asked on it and has no answer has failed.
  _end(): void {
    clearInterval(this.#timer);
    this.#left();
    if (this._link._phase !== 'ended') this._link.close();
    this.#questions._lose(this.#asked,
      connectionLost('the connection ended before the answer came'));
  }
}
