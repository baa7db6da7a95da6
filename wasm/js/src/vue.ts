// @smartsocket/client/vue: composables for Vue 3.3 and newer. Where a client is asked for, a ref or
// a getter of one does too.

import type { DataOf, Name, SmartSocketClient } from '@smartsocket/client/js';
import {
  computed, getCurrentInstance, getCurrentScope, onMounted, shallowRef, toRaw, toValue, watch,
} from 'vue';
import type { ComputedRef, MaybeRefOrGetter, ShallowRef } from 'vue';
import { emitter, listen } from './adapter.js';
import type { Emit, Heard, Hears, Maybe, Send } from './adapter.js';
import { observe } from './observe.js';
import type { Connection } from './observe.js';

export type { Connection, Status } from './observe.js';

type State = Omit<Connection<null>, 'client'>;

/** Refs are the members of a Connection, each as a computed ref. */
export type Refs = { readonly [K in keyof State]: ComputedRef<State[K]> };

/**
 * useSmartSocket keeps a client connected while its component is mounted or its effect scope is
 * alive, as of a Pinia store, and returns its state as refs.
 *
 * Several components may use one client: it connects with the first and disconnects after the last.
 * A client that the application has connected before is left open. On a server it does nothing; the
 * status is idle. A connection that fails is no exception here: error says why, connect() of the
 * client tries again.
 */
export function useSmartSocket<In extends object, Out extends object>(
  client: MaybeRefOrGetter<Maybe<In, Out>>,
): Refs {
  const state = shallowRef(observe<SmartSocketClient<In, Out> | null>(null).first);
  const of = <K extends keyof State>(name: K) => computed(() => state.value[name]);
  follow(client, (to) => {
    const { now, subscribe } = observe(to);
    const update = () => { state.value = now(); };
    const stop = subscribe(update);
    update();
    return stop;
  });
  return { status: of('status'), connected: of('connected'), error: of('error') };
}

/** useEvent calls listener for each event of that name while component or scope lives. */
export function useEvent<In extends object, Out extends object, E extends Heard<In>>(
  client: MaybeRefOrGetter<Maybe<In, Out>>, event: E, listener: Hears<In, E>,
): void {
  follow(client, (from) => listen(from, event, listener));
}

/** useLatest returns a ref to the data of the last event of that name; initial before the first. */
export function useLatest<
  In extends object, Out extends object, E extends Name<In>, Initial = undefined,
>(
  client: MaybeRefOrGetter<Maybe<In, Out>>, event: E, initial?: Initial,
): Readonly<ShallowRef<DataOf<In[E]> | Initial>> {
  const data = shallowRef(initial) as ShallowRef<DataOf<In[E]> | Initial>;
  follow(client, (from) => {
    data.value = initial as Initial;
    return listen(from, event, (value: DataOf<In[E]>) => { data.value = value; });
  });
  return data;
}

/**
 * useEmit returns emit of the client, or with an event name a function that sends this event.
 * Without a client it returns false.
 */
export function useEmit<In extends object, Out extends object>(
  client: MaybeRefOrGetter<Maybe<In, Out>>,
): Emit<In, Out>;
export function useEmit<In extends object, Out extends object, E extends Name<Out>>(
  client: MaybeRefOrGetter<Maybe<In, Out>>, event: E,
): Send<Out[E]>;
export function useEmit(client: unknown, event?: string): unknown {
  return emitter(() => toValue(client), event);
}

// follow calls begin for the client, again when it is another one, and what begin returned at its
// end. It begins when the component is mounted, which never happens on a server.
function follow<In extends object, Out extends object>(
  client: MaybeRefOrGetter<Maybe<In, Out>>,
  begin: (client: SmartSocketClient<In, Out> | null) => () => void,
) {
  const scope = getCurrentScope();
  const run = () => watch(() => toRaw(toValue(client)) || null, (to, _before, onCleanup) => {
    onCleanup(begin(to));
  }, { immediate: true });
  if (getCurrentInstance()) onMounted(() => { scope!.run(run); });
  else if (typeof window === 'object') run();
}
