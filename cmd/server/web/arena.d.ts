// What the arena's room sends and takes beside its state, see ../arena.go.

import type { ArenaClientEvents, StatsReport } from './events';

export interface ServerEvents {
  /** who took, from whom, how many gems */
  hit: [number, number, number];
  pulse: StatsReport;
  'arena:over': { code: string; message: string };
}

export interface ClientEvents extends ArenaClientEvents {
  /** shows a line to everyone */
  talk: (text: string) => null;
  /** shows a round-trip time in ms */
  rtt: (ms: number) => null;
}
