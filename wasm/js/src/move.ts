// Moving: a server that is about to stop says so in a GOAWAY with the bit move. Then the next
// connection is opened before the old one is left.
//
//   GOAWAY ──wait──► Mover ──CONNECT_ACK──► Leaving: what was asked on the old one is answered
//                 ▲    │ failed                there, and what still comes on it is heard
//                 └────┘ staying
//
// It is loaded when a connection has lasted for a while, because a server that stops may not serve
// files any more. So it imports nothing but types.

import type { ConnectAck } from './codec.js';
import type { SmartSocketError } from './errors.js';
import type { Link } from './link.js';

const OVERLAP = 1000; // ms, how long the old link is kept if no event comes on the new one
const LOOK = 20; // ms between two looks at what the old link is kept for

type Ready = (ack: ConnectAck) => void;
type Failed = (error: SmartSocketError, code: number) => void;

// Open makes a link to url, which calls one of the two.
export type Open = (url: string, ready: Ready, failed: Failed) => Link;

// Stays says how long to stay on the old link after a failed attempt, if that was the last one of
// this round, or less than 0 if no other one makes sense.
export type Stays = (url: string, error: SmartSocketError, code: number, round: number) => number;

// Mover makes the connection that replaces one that is still open.
export class Mover {
  next: Link | null = null; // that connection, while it is made
  #urls: string[]; // to try in turn
  #open: Open;
  #moved: (link: Link, url: string, ack: ConnectAck) => void;
  #stays: Stays;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #rounds = 0;
  #over = false;

  constructor(urls: string[], wait: number, open: Open,
    moved: (link: Link, url: string, ack: ConnectAck) => void, stays: Stays) {
    this.#urls = urls;
    this.#open = open;
    this.#moved = moved;
    this.#stays = stays;
    this.#wait(wait);
  }

  // end gives up.
  end(): void {
    const { next } = this;
    this.#over = true;
    this.next = null;
    clearTimeout(this.#timer);
    if (next) next.close();
  }

  #wait(ms: number): void {
    this.#timer = setTimeout(() => this.#try(0), ms);
  }

  // try makes an attempt at the ith address.
  #try(i: number): void {
    const url = this.#urls[i];
    const link: Link = this.next = this.#open(url, (ack) => {
      this.next = null;
      this.#over = true;
      this.#moved(link, url, ack);
    }, (error, code) => {
      this.next = null;
      if (this.#over) return;
      const wait = this.#stays(url, error, code, this.#rounds + 1);
      if (wait < 0) return;
      if (i + 1 < this.#urls.length) this.#try(i + 1);
      else {
        this.#rounds++;
        this.#wait(wait);
      }
    });
  }
}

// Leaving keeps a link that was replaced, until nothing more is expected on it.
export class Leaving {
  readonly link: Link;
  #left: () => void;
  #heard = false;
  #ready = false;
  #timer: ReturnType<typeof setInterval>;

  // A Leaving lasts for within ms by now at most. waits tells whether something that was asked on
  // the link has no answer yet. left leaves the link.
  constructor(link: Link, within: number, now: () => number, waits: () => boolean,
    left: () => void) {
    const begun = now();
    this.link = link;
    this.#left = left;
    this.#timer = setInterval(() => {
      const passed = now() - begun;
      if (passed >= within ||
        this.#ready && (this.#heard || passed >= OVERLAP) && !waits()) this.end();
    }, LOOK);
  }

  // hear notes an event on the new link, finish that the connected listeners have finished.
  hear(): void {
    this.#heard = true;
  }

  finish(): void {
    this.#ready = true;
  }

  end(): void {
    clearInterval(this.#timer);
    this.#left();
  }
}
