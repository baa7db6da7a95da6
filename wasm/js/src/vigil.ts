// Vigil notices when the server falls silent, because a browser notices a dead network only after
// minutes. It asks first and judges later: the silence may be ours, because while the page or the
// machine stood still nothing could be heard.

import { now } from './now.js';

const GRACE = 3000; // ms in which an answer must come, or one interval if that is less
const STANDSTILL = 1000; // how late a look must be to show that we did not run

export class Vigil {
  #interval = 0; // 0 = the server may be silent for any time
  #heard = 0; // when the last message came
  #due = 0; // when the answer must have come, if we asked since then; else 0
  #timer: ReturnType<typeof setTimeout> | undefined;
  #ask: () => void;
  #silent: (time: number) => void;

  // Vigil calls ask to get a sign of life, and silent(milliseconds) when none came.
  constructor(ask: () => void, silent: (time: number) => void) {
    this.#ask = ask;
    this.#silent = silent;
  }

  // begin begins to watch a server that sends something in every interval.
  _begin(interval: number): void {
    this.#interval = interval;
    if (interval) this.#look();
  }

  _heard(): void {
    this.#heard = now();
    this.#due = 0;
  }

  // probe asks at once, because the network may have changed.
  _probe(): void {
    if (this.#interval && !this.#due) this.#probe();
  }

  _end(): void {
    clearTimeout(this.#timer);
  }

  #look(): void {
    const time = now(), quiet = time - this.#heard, interval = this.#interval;
    if (this.#due && time - this.#due < STANDSTILL) this.#silent(quiet);
    else if (this.#due || quiet > interval * 2.5) this.#probe();
    else this.#wait(interval);
  }

  #probe(): void {
    const grace = Math.min(GRACE, this.#interval);
    this.#due = now() + grace;
    this.#wait(grace);
    this.#ask();
  }

  #wait(time: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), time);
  }
}
