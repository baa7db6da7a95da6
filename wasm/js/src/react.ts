// @smartsocket/client/react: hooks for React 18 and newer.

'use client';

import type { DataOf, Name, SmartSocketClient } from '@smartsocket/client/js';
import {
  useCallback, useEffect, useInsertionEffect, useMemo, useRef, useState, useSyncExternalStore,
} from 'react';
import type { DependencyList } from 'react';
import { emitter, listen } from './adapter.js';
import type { Emit, Heard, Hears, Maybe, Send } from './adapter.js';
import { observe } from './observe.js';
import type { Connection } from './observe.js';

export type { Connection, Status } from './observe.js';

/**
 * useSmartSocket keeps a client connected while the component is mounted, and returns its state.
 *
 * Several components may use one client: it connects with the first and disconnects after the last.
 * A client that the application has connected before is left open. StrictMode's second mount, hot
 * reload and a change of pages keep the connection. On a server it does nothing; the state is idle.
 *
 * Give it a client that lives outside of the component, or a function that makes one: it is called
 * again when one of deps changes, and the client before is then disconnected. Never make the client
 * in the call itself, which would be a new one at each rendering. With null it waits.
 *
 * A connection that fails is no exception here: error says why, and connect() of the client tries
 * again.
 */
export function useSmartSocket<In extends object, Out extends object>(
  make: () => SmartSocketClient<In, Out>, deps?: DependencyList,
): Connection<SmartSocketClient<In, Out>>;
export function useSmartSocket<In extends object, Out extends object>(
  client: SmartSocketClient<In, Out>,
): Connection<SmartSocketClient<In, Out>>;
export function useSmartSocket<In extends object, Out extends object>(
  client: Maybe<In, Out> | (() => Maybe<In, Out>), deps?: DependencyList,
): Connection<SmartSocketClient<In, Out> | null>;
export function useSmartSocket<In extends object, Out extends object>(
  source: Maybe<In, Out> | (() => Maybe<In, Out>), deps: DependencyList = [],
): Connection<SmartSocketClient<In, Out> | null> {
  const made = typeof source === 'function';
  const client = useMemo(() => (made ? source() : source) || null, made ? deps : [source]);
  const { subscribe, now, first } = observe<SmartSocketClient<In, Out> | null>(client);
  return useSyncExternalStore(subscribe, now, () => first);
}

/**
 * useEvent calls listener for each event of that name while the component is mounted. It is always
 * the listener of the last rendering, so that it need not be memoized.
 */
export function useEvent<In extends object, Out extends object, E extends Heard<In>>(
  client: Maybe<In, Out>, event: E, listener: Hears<In, E>,
): void {
  const latest = useRef<(...args: never[]) => unknown>(listener);
  useInsertionEffect(() => { latest.current = listener; });
  useEffect(() => listen(client, event, (...args) => latest.current(...args)), [client, event]);
}

/** useLatest returns the data of the last event of that name, and initial before the first. */
export function useLatest<
  In extends object, Out extends object, E extends Name<In>, Initial = undefined,
>(
  client: Maybe<In, Out>, event: E, initial?: Initial,
): DataOf<In[E]> | Initial {
  const [seen, see] = useState<{ client: unknown; event: unknown; data?: unknown }>();
  useEvent(client, event, ((data: unknown) => see({ client, event, data })) as Hears<In, E>);
  const fresh = seen && seen.client === client && seen.event === event;
  return (fresh ? seen.data : initial) as DataOf<In[E]> | Initial;
}

/**
 * useEmit returns emit of the client, or with an event name a function that sends this event. It
 * stays the same function while client and event do. Without a client it returns false.
 */
export function useEmit<In extends object, Out extends object>(
  client: Maybe<In, Out>,
): Emit<In, Out>;
export function useEmit<In extends object, Out extends object, E extends Name<Out>>(
  client: Maybe<In, Out>, event: E,
): Send<Out[E]>;
export function useEmit(client: unknown, event?: string): unknown {
  return useCallback(emitter(() => client, event), [client, event]);
}
