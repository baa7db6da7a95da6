// The option keepSession: the session outlives a reload of the page. It rests in sessionStorage
// only between the end of one page and the first connect() of the next, because a tab that is
// duplicated takes a copy of the storage along. It is loaded when a client has that option.

import type { Bytes } from './codec.js';
import { latin1 } from './latin1.js';
import { sha256 } from './sha256.js';

// Kept is what the next page needs to go on with the session.
export interface Kept {
  token: Bytes;
  lastSeq: number;
  nextAck: number; // ack ids are used once in a session
}

// Keeper keeps one session.
export class Keeper {
  #name: string;
  #current: () => Kept | null;
  #heard = (e: Event): void => {
    if (e.type === 'pagehide') this.#put();
    else this.take(); // the page is back from the cache of the Back button, and has what it needs
  };

  // owner says whose session it is: all of it must be the same in the next page. It may be secret.
  // current returns the session at the end of the page, or null.
  constructor(owner: unknown[], current: () => Kept | null) {
    const text = JSON.stringify(owner).replace(/[^ -~]/g, (c) => '\\u' + c.charCodeAt(0));
    const hash = sha256([latin1(text)]);
    this.#name = 'smartsocket ' +
      [].map.call(hash, (b: number) => (b + 256).toString(16).slice(1)).join('');
    this.#current = current;
    if (typeof addEventListener !== 'function') return;
    addEventListener('pagehide', this.#heard);
    addEventListener('pageshow', this.#heard);
  }

  // take returns the session that the last page left, if there is one, and removes it.
  take(): Kept | null {
    try {
      const text = sessionStorage.getItem(this.#name);
      sessionStorage.removeItem(this.#name);
      const { token, lastSeq, nextAck } = JSON.parse(text || 'null');
      if (!(token.length > 0 && lastSeq >= 0 && nextAck > 0)) return null;
      return { token: new Uint8Array(token), lastSeq, nextAck };
    } catch {
      return null; // there is no session, or no storage
    }
  }

  #put(): void {
    const kept = this.#current();
    try {
      if (!kept) return;
      const { token, lastSeq, nextAck } = kept;
      sessionStorage.setItem(this.#name,
        JSON.stringify({ token: [].slice.call(token), lastSeq, nextAck }));
    } catch {
      // The storage is full or forbidden; the next page begins a session of its own.
    }
  }

  end(): void {
    if (typeof removeEventListener !== 'function') return;
    removeEventListener('pagehide', this.#heard);
    removeEventListener('pageshow', this.#heard);
  }
}
