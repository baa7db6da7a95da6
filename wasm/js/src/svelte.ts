// @smartsocket/client/svelte: stores for Svelte 4 and newer, with the contract of svelte/store.
// They need none of its code, which Vite's development server finds late and reloads the page for.

import type { DataOf, Name, SmartSocketClient } from '@smartsocket/client/js';
import type { Readable } from 'svelte/store';
import * as events from './adapter.js';
import type { Emit, Heard, Hears, Maybe, Send } from './adapter.js';
import { observe } from './observe.js';
import type { Connection } from './observe.js';

export type { Connection, Status } from './observe.js';

// store calls begin for each subscriber in a page, to tell of every change, and what begin returned
// at the subscriber's end.
function store<T>(now: () => T, begin: (changed: () => void) => () => void): Readable<T> {
  return {
    subscribe(run) {
      run(now());
      return typeof window === 'object' ? begin(() => run(now())) : () => {};
    },
  };
}

/**
 * connection is a store of a client's state. The client is connected while anybody subscribes to
 * such a store of it, as a component does that names $store.
 *
 * A client that the application has connected before is left open. On a server nothing is opened;
 * the status is idle. A connection that fails is no exception here: error says why, connect() of
 * the client tries again.
 */
export function connection<In extends object, Out extends object>(
  client: SmartSocketClient<In, Out>,
): Readable<Connection<SmartSocketClient<In, Out>>>;
export function connection<In extends object, Out extends object>(
  client: Maybe<In, Out>,
): Readable<Connection<SmartSocketClient<In, Out> | null>>;
export function connection<In extends object, Out extends object>(
  client: Maybe<In, Out>,
): Readable<Connection<SmartSocketClient<In, Out> | null>> {
  const of = client || null;
  const { now, subscribe } = observe<SmartSocketClient<In, Out> | null>(of);
  return store(now, subscribe);
}

/** latest is a store of the data of the last event of that name; initial before the first. */
export function latest<
  In extends object, Out extends object, E extends Name<In>, Initial = undefined,
>(
  client: Maybe<In, Out>, event: E, initial?: Initial,
): Readable<DataOf<In[E]> | Initial> {
  let value = initial as DataOf<In[E]> | Initial;
  return store(() => value, (changed) => events.listen(client, event, (data: DataOf<In[E]>) => {
    value = data;
    changed();
  }));
}

/**
 * listen calls listener for each event of that name until the function that it returns is called:
 * onMount(() => listen(client, 'moved', move)), or the same with $effect.
 */
export function listen<In extends object, Out extends object, E extends Heard<In>>(
  client: Maybe<In, Out>, event: E, listener: Hears<In, E>,
): () => void {
  return events.listen(client, event, listener);
}

/**
 * emitter returns emit of the client, or with an event name a function that sends this event.
 * Without a client it returns false.
 */
export function emitter<In extends object, Out extends object>(
  client: Maybe<In, Out>,
): Emit<In, Out>;
export function emitter<In extends object, Out extends object, E extends Name<Out>>(
  client: Maybe<In, Out>, event: E,
): Send<Out[E]>;
export function emitter(client: unknown, event?: string): unknown {
  return events.emitter(() => client, event);
}
