// Pace says how many events the server's rate limit still lets pass. It bounds only what has waited
// for a connection, because that would otherwise be sent at once.
//
// It counts in slices of a window, as the server does. Its window is somewhat longer, because
// events do not arrive as evenly as they were sent.

const SLICES = 32;

export class Pace {
  #limit = 0; // 0 = the server told none
  #slice = 0; // milliseconds
  #counts = new Map<number, number>(); // of the last slices, by number, oldest first

  // begin is for a new connection. same says that it goes on with the session, so that the server
  // goes on counting.
  _begin(limit: number, window: number, same: boolean): void {
    const slice = window * 17 / 16 / (SLICES - 1);
    if (!same || slice !== this.#slice) this.#counts.clear();
    this.#limit = slice && limit;
    this.#slice = slice;
  }

  // note counts an event that is sent at this time.
  _note(time: number): void {
    if (!this.#limit) return;
    const counts = this.#counts, n = Math.floor(time / this.#slice);
    counts.set(n, (counts.get(n) || 0) + 1);
    if (counts.size > SLICES) counts.delete(counts.keys().next().value!);
  }

  // wait returns how many milliseconds to wait until one more event may be sent, or 0. A tenth of
  // the limit is left to what need not wait.
  _wait(time: number): number {
    if (!this.#limit) return 0;
    const forgotten = Math.floor(time / this.#slice) - SLICES;
    let over = Math.floor(this.#limit / 10) - this.#limit || -1, until = time;
    this.#counts.forEach((count, n) => { if (n > forgotten) over += count; });
    this.#counts.forEach((count, n) => {
      if (n <= forgotten || over < 0) return;
      over -= count;
      until = (n + SLICES) * this.#slice;
    });
    return until - time;
  }
}
