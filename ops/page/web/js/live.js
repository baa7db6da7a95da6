// Asking again and again, for as long as a view is shown and somebody can see it.

import { Failure, get } from './api.js';

/** @param {number} ms @param {AbortSignal} signal @param {EventTarget} wake */
function pause(ms, signal, wake) {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      wake.removeEventListener('wake', done);
      resolve(undefined);
    }
    signal.addEventListener('abort', done);
    wake.addEventListener('wake', done);
  });
}

function seen(signal) {
  return new Promise((resolve) => {
    function look() {
      if (document.hidden && !signal.aborted) return;
      document.removeEventListener('visibilitychange', look);
      signal.removeEventListener('abort', look);
      resolve(undefined);
    }
    document.addEventListener('visibilitychange', look);
    signal.addEventListener('abort', look);
    look();
  });
}

/** wake makes every poll ask at once: after an action, and when the network is back. */
export const wake = new EventTarget();

/** now wakes all polls. */
export function now() {
  wake.dispatchEvent(new Event('wake'));
}

/**
 * poll asks for a path every ms until signal ends it, and shows the answers. Answers to what is not
 * asked any more are not shown. fail gets the errors that the server answers; what the page's own
 * banner says, a lost connection and a missing token, is not told.
 * @param {AbortSignal} signal
 * @param {number} ms
 * @param {() => [string, Record<string, any>?]} what the path and its parameters
 * @param {(answer: any) => void} show
 * @param {(failure: Failure) => void} [fail]
 */
export async function poll(signal, ms, what, show, fail) {
  let asking = new AbortController();
  const again = () => asking.abort();
  wake.addEventListener('wake', again);
  signal.addEventListener('abort', () => {
    wake.removeEventListener('wake', again);
    asking.abort();
  });
  while (!signal.aborted) {
    await seen(signal);
    if (signal.aborted) return;
    asking = new AbortController();
    const mine = asking.signal;
    try {
      const [path, params] = what();
      const answer = await get(path, params, mine);
      if (!mine.aborted) show(answer);
    } catch (error) {
      if (mine.aborted) continue;
      if (!(error instanceof Failure)) throw error;
      if (error.status === 401) return; // a new sign-in shows the view again
      if (!error.lost) fail?.(error);
    }
    if (!mine.aborted) await pause(ms, signal, wake);
  }
}
