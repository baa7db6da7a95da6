// Vigil notices when a server that pings falls silent, because a browser notices a dead network
// only after minutes.

const GRACE = 1000; // ms in which a page that slept reads what has arrived, before silence counts

export class Vigil {
  _heard = 0; // when the last message came
  #interval = 0;
  #since = 0;
  #pinged = false; // true once we know that the server pings with its heartbeat
  #suspected = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  // begin calls silent(milliseconds) when nothing was heard for two and a half intervals.
  _begin(interval: number, silent: (time: number) => void): void {
    if (!interval) return;
    this.#interval = interval;
    this.#since = Date.now();
    const look = (): void => {
      const time = Date.now() - this._heard, quiet = this.#pinged && time > interval * 2.5;
      if (quiet && this.#suspected) {
        silent(time);
        return;
      }
      this.#suspected = quiet;
      this.#timer = setTimeout(look, quiet ? GRACE : interval);
    };
    this.#timer = setTimeout(look, interval);
  }

  // ping notes that a ping came now.
  _ping(now: number): void {
    if (this.#interval && now - this.#since > this.#interval / 2) this.#pinged = true;
  }

  _end(): void {
    clearTimeout(this.#timer);
  }
}
