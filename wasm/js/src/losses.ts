// Losses counts what was lost or replaced while it waited, and tells of it in one line.

import type { Logger } from './logger.js';
import type { Counters } from './stats.js';

export type Loss = 'volatile' | 'late' | 'full' | 'other';

export class Losses {
  #lost = newLosses();
  #replaced = 0;
  #log: Logger;
  #stats: Counters;

  constructor(log: Logger, stats: Counters) {
    this.#log = log;
    this.#stats = stats;
  }

  _lost(why: Loss): void {
    this.#lost[why]++;
    this.#stats.dropped++;
  }

  _replaced(): void {
    this.#replaced++;
    this.#stats.replaced++;
  }

  // warn logs what was lost since the last time, if anything was.
  _warn(): void {
    const { volatile, late, full, other } = this.#lost;
    if (volatile + late + full + other > 0) {
      this.#log.warn('Dropped events that could not be sent at once: ' +
        `${volatile} volatile, ${late} too late, ${full} as the offline queue was full, ` +
        `${other} others; ${this.#replaced} states were replaced`);
    }
    this.#lost = newLosses();
    this.#replaced = 0;
  }
}

function newLosses(): Record<Loss, number> {
  return { volatile: 0, late: 0, full: 0, other: 0 };
}
