// What a state shows between two ticks: a little late, so that there is always a newer tick to move
// towards.

import { now } from './now.js';
import type { State } from './state.js';
import type { At, Container, EntryOf, KeyOf, Path } from './state-types.js';
import { slotsOf } from './state-value.js';

const SEEN = 32; // messages that are looked at
const MOST = 8; // steps that the delay may have beyond the quickest message

/** A blend is the value at a part, from 0 to 1, of the way between two others. */
export type Blend = (from: number, to: number, part: number) => number;

/** lerp blends along a line. */
export const lerp: Blend = (from, to, part) => from + (to - from) * part;

/** lerpAngle blends radians, by the shorter way round. */
export const lerpAngle: Blend = (from, to, part) => {
  const round = 2 * Math.PI, turn = (to - from) % round;
  return from + (2 * turn % round - turn) * part;
};

/** What is shown of a map or a list is its entries, and of a struct itself. */
export type Shown<C> = C extends Container ? EntryOf<C> : C;

/** The fields that are blended, and how. */
export type Blends<V> = { [F in keyof V as V[F] extends number ? F : never]?: Blend };

/** Interpolation has the values of the moment that is shown. */
export interface Interpolation<V, K, B> {
  /** The entry's fields now; undefined if it is not there. A struct has no key. */
  get(key?: K): { [F in keyof B & keyof V]: number } | undefined;
  /** How far what is shown is behind the newest values, in milliseconds. */
  delay(): number;
  off(): void;
}

interface Frame {
  _at: number;
  _values: Map<unknown, number[]>;
}

/**
 * Keeps the last ticks of the entries of a map or a list, or of one struct, and returns what is
 * shown between them. The moment shown follows the messages: as late as the latest of the last 32,
 * and one step more.
 */
export function interpolate<T, P extends Path<T>, B extends Blends<Shown<At<T, P>>>>(
  state: State<T>, path: P, blends: B,
): Interpolation<Shown<At<T, P>>, KeyOf<At<T, P>>, B> {
  const names = Object.keys(blends);
  // How much later than the tick before it a message came, by clocks that differ.
  const late: number[] = [];
  let frames: Frame[] = [], behind = 0, usual = 0, last = 0;

  const values = (entry: unknown): number[] =>
    names.map((name) => (entry as Record<string, number>)[name]);
  const read = (): Map<unknown, number[]> => {
    const all = new Map<unknown, number[]>();
    let at: unknown = state.value;
    for (const name of path.split('.')) at = at && (at as Record<string, unknown>)[name];
    const slots = at ? slotsOf(at) : undefined;
    if (slots) slots._bySlot.forEach(({ _key: key, _value: v }) => all.set(key, values(v)));
    else if (at) all.set(undefined, values(at));
    return all;
  };

  // moment is what is shown now. It stands still while the delay grows.
  const moment = (): number => last = Math.max(last, now() - behind);

  const off = state.onChange((_, { snapshot, time }) => {
    const { step } = state, newest = frames[frames.length - 1];
    if (!step || !newest || time <= newest._at) {
      frames = [];
      usual = step;
      last = 0;
    }
    // Who stood still for some ticks starts in the last of them. Where every message spans several
    // ticks, because the connection is slow, the way is theirs.
    const gap = frames.length > 0 ? time - newest._at : step, way = Math.min(gap, usual);
    usual = snapshot ? step : gap;
    if (gap > way) frames.push({ _at: time - way, _values: newest._values });
    late.push(now() - time + way);
    if (late.length > SEEN) late.shift();
    const target = Math.min(Math.max(...late), Math.min(...late) + MOST * step);
    behind = frames.length === 0 ? target
      : behind + Math.max(-step / 20, Math.min(target - behind, step / 4));
    frames.push({ _at: time, _values: read() });
    while (frames.length > 2 && frames[1]._at <= moment()) frames.shift();
  });

  const blend = (a: number[], b: number[], part: number): Record<string, number> => {
    const shown: Record<string, number> = {};
    names.forEach((name, i) => {
      shown[name] = (blends as Record<string, Blend>)[name](a[i], b[i], part);
    });
    return shown;
  };

  return {
    get(key) {
      const shown = moment();
      let i = 0;
      while (i + 1 < frames.length && frames[i + 1]._at <= shown) i++;
      const from = frames[i] || { _at: 0, _values: read() }, to = frames[i + 1];
      const a = from._values.get(key), b = to && to._values.get(key);
      if (!a) return undefined;
      const part = b ? Math.max(0, (shown - from._at) / (to._at - from._at)) : 0;
      return blend(a, b || a, part) as never;
    },
    delay: () => frames.length > 0 ? Math.max(0, frames[frames.length - 1]._at - moment()) : 0,
    off,
  };
}
