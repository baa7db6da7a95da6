// What a player does is shown at once, and corrected when the server has decided.

import type { State } from './state.js';

const MOST = 256; // inputs that are kept while the server answers none

/** Rules are what the page knows of the server's game. */
export interface Rules<T, S, I> {
  /** Copies what is predicted out of the server's value; undefined if it is not there. */
  from(value: T): S | undefined;
  /** Does to mine what the server will do for the input. */
  apply(mine: S, input: I): void;
}

/** Prediction is what the player sees of himself. */
export interface Prediction<S, I> {
  /** The server's value with the inputs that it does not contain yet; undefined without one. */
  readonly value: S | undefined;
  /** How many inputs that is. */
  readonly pending: number;
  /** Sends an input, does it at once, and returns its number; 0 without a connection. */
  send(input: I): number;
  off(): void;
}

/** Applies inputs ahead of the server, and again to each value that comes without them. */
export function predict<T, S extends object, I>(
  state: State<T>, rules: Rules<T, S, I>,
): Prediction<S, I> {
  let kept: { seq: number; input: I }[] = [];
  const shown = {
    value: undefined as S | undefined,
    pending: 0,
    send(input: I): number {
      const seq = state.send(input);
      if (!seq) return 0;
      kept.push({ seq, input });
      if (kept.length > MOST) kept.shift();
      shown.pending = kept.length;
      if (shown.value) rules.apply(shown.value, input);
      return seq;
    },
    off(): void {
      offs.forEach((off) => off());
    },
  };
  const reconcile = (value: T): void => {
    kept = kept.filter(({ seq }) => seq > state.acked);
    shown.pending = kept.length;
    const mine = shown.value = rules.from(value);
    if (mine) kept.forEach(({ input }) => rules.apply(mine, input));
  };
  const offs = [state.onChange(reconcile), state.onSync(() => {
    if (!state.ended) return;
    kept = [];
    shown.pending = 0;
  })];
  if (state.value !== undefined) reconcile(state.value);
  return shown;
}
