// What the adapters for React, Vue and Svelte share beside observe.ts: the types, all made of the
// client's own event maps, listening and sending.

import type {
  AckCallback, DataOf, LifecycleEvents, Listener, Name, RateLimited, ResponseOf, SmartSocketClient,
} from '@smartsocket/client/js';

/** A client that may not be there yet. */
export type Maybe<In extends object, Out extends object> =
  SmartSocketClient<In, Out> | null | undefined;

/** The names of what can be listened to: a map's events, and those of the client itself. */
export type Heard<In> = Name<In> | keyof LifecycleEvents | '__rate-limited__';

/** The listener of an event. */
export type Hears<In, E> =
  E extends keyof LifecycleEvents ? LifecycleEvents[E]
  : E extends '__rate-limited__' ? (info: RateLimited) => void
  : E extends keyof In ? Listener<In[E]>
  : never;

/** Sends any event, as the client's emit does. */
export type Emit<In extends object, Out extends object> = SmartSocketClient<In, Out>['emit'];

/** Sends one event: with its data, and with a callback if an answer is wanted. */
export type Send<T> = (...rest: Rest<DataOf<T>, AckCallback<ResponseOf<T>>>) => boolean;

type Rest<Data, Callback> = undefined extends Data
  ? [callback: Callback] | [data?: Data, callback?: Callback]
  : [data: Data, callback?: Callback];

type Called = (...args: never[]) => unknown;

interface Untyped {
  on(event: string, listener: Called): unknown;
  off(event: string, listener: Called): unknown;
  emit(...args: unknown[]): boolean;
}

// listen adds a listener, if there is a client, and returns the function that removes it alone.
export function listen(client: unknown, event: string, listener: Called): () => void {
  const from = client as Untyped | null | undefined;
  if (!from) return () => {};
  const own: Called = (...args) => listener(...args);
  from.on(event, own);
  return () => { from.off(event, own); };
}

// emitter returns emit of the client, bound to event if that is given; false without a client.
export function emitter(client: () => unknown, event?: string): (...args: unknown[]) => boolean {
  return (...args) => {
    const to = client() as Untyped | null | undefined;
    return !!to && to.emit(...(event === undefined ? args : [event, ...args]));
  };
}
