// When to come back after a lost connection.

import { CODES } from './errors.js';

const FACTOR = 1.5;

// CAP is the longest delay in milliseconds before the jitter.
export const CAP = 30000;

// HEALTHY is how long a connection must last, in milliseconds, so that the delays begin anew after
// its loss.
export const HEALTHY = 10000;

// FLOOR is the least that the delays grow from, in milliseconds.
const FLOOR = 5;

// backoff returns the delay before attempt n (1, 2, …) in milliseconds: base × 1.5ⁿ⁻¹, at most 30
// s, times 0.5 to 1.5. A base of less than 5 ms counts as 5.
export function backoff(n: number, base: number, random: number): number {
  const delay = Math.max(base, FLOOR) * Math.pow(FACTOR, n - 1);
  return Math.round(Math.min(CAP, delay) * (0.5 + random));
}

// isFatal reports whether reconnecting after this close code or error code is pointless.
export function isFatal(closeCode: number, errorCode?: string): boolean {
  if (errorCode === CODES.AUTH_FAILED || errorCode === CODES.INVALID_NAMESPACE) return true;
  return closeCode >= 3500 && closeCode <= 3999 || closeCode === 1008 || closeCode === 1002;
}
