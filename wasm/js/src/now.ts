// The time for waits and ages. It never goes back, whatever is done to the wall clock, and it goes
// on while the machine sleeps, when the clock of performance.now may stand still.

const SLEEP = 1000; // how far the wall clock must be ahead, in milliseconds, to show a sleep

let slept = 0;
let last = Infinity;

// now returns the milliseconds since some fixed moment.
export function now(): number {
  const wall = Date.now();
  const time = typeof performance === 'object' ? performance.now() : wall;
  const ahead = wall - time;
  if (ahead - last > SLEEP) slept += ahead - last;
  last = ahead;
  return time + slept;
}
