// The types of events, listeners and acknowledgements.

import type { SmartSocketError } from './errors.js';

/**
 * Events by name, with their data or, for events that are answered, a function from data to
 * answer: `{ move: Move; join: (room: string) => number }`.
 */
export type EventMap = Record<string, any>;

type IsAny<T> = 0 extends 1 & T ? true : false;

/** What travels with an event of this type in an event map. */
export type DataOf<T> = IsAny<T> extends true ? T
  : T extends () => unknown ? undefined
  : T extends (data: infer D) => unknown ? D : T;

/** What answers an event of this type in an event map. */
export type ResponseOf<T> = IsAny<T> extends true ? T
  : T extends (...args: never[]) => infer R ? Awaited<R> : unknown;

/** The names of a map's events. */
export type Name<Events> = keyof Events & string;

/** The names of a map's events that may be sent without data. */
export type NameWithoutData<Events> = {
  [E in Name<Events>]: undefined extends DataOf<Events[E]> ? E : never
}[Name<Events>];

/**
 * Answers the server's request for an ack; does nothing if none was asked for, or from the second
 * call on.
 */
export type Ack<Response = unknown> = (
  response?: Response,
  error?: { code?: string; message: string; details?: unknown } | null,
) => void;

/** Called exactly once: with the answer, or with undefined and an error. */
export type AckCallback<Response = unknown> = (
  response: Response, error?: SmartSocketError,
) => void;

export interface AckOptions {
  /** Milliseconds to wait for the answer instead of the option ackTimeout. */
  timeout?: number;
  /** Ends the wait: the promise rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** Why and how a connection ended. */
export interface Disconnection {
  /** WebSocket close code, 0 if none came. */
  code: number;
  reason: string;
  /** Whether the client tries to come back. */
  reconnects: boolean;
}

/** Sent by the server, once per window, when it drops events because of a rate limit. */
export interface RateLimited {
  message: string;
  retryAfter: number;
  code: string;
  event?: string;
}

/** Events the client itself raises. */
export interface LifecycleEvents {
  connected: () => void;
  disconnected: (reason: string, detail: Disconnection) => void;
  /** error: why the attempt before failed; undefined for the first one. */
  reconnecting: (attempt: number, delay: number, error?: SmartSocketError) => void;
  /** Less than half of the option highWaterMark is unsent, after it was more. */
  drain: () => void;
  /**
   * recovered: no event of the server was lost but those it sends as volatile, state or with a
   * deadline; otherwise fetch the state anew.
   */
  reconnected: (recovered: boolean) => void;
  error: (error: SmartSocketError) => void;
}

/** Hears an event of this type in an event map. More parameters than these stay undefined. */
export type Listener<T> = (
  data: DataOf<T>, ack: Ack<ResponseOf<T>>, ...none: undefined[]
) => void;
