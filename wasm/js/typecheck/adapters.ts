// What the adapters' types must accept and, on the lines marked, refuse.

import { SmartSocketClient } from '@smartsocket/client';
import type { Ack, SmartSocketError } from '@smartsocket/client';
import { SmartSocketClient as JsClient } from '@smartsocket/client/js';
import * as react from '@smartsocket/client/react';
import * as svelte from '@smartsocket/client/svelte';
import * as vue from '@smartsocket/client/vue';
import type { Readable } from 'svelte/store';
import { ref, shallowRef } from 'vue';
import type { ComputedRef, ShallowRef } from 'vue';

interface Move { x: number; y: number }

interface ServerEvents {
  moved: Move;
  tick: void;
  question: (text: string) => { answer: number };
}

interface ClientEvents {
  move: Move;
  ready: void;
  join: (room: string) => number;
  leave: () => boolean;
}

type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<_ extends true>() {}

type Game = SmartSocketClient<ServerEvents, ClientEvents>;
const make = () => new SmartSocketClient<ServerEvents, ClientEvents>('ws://localhost:3000');
const game = make();
const perhaps = game as Game | null;
const loose = new JsClient('ws://localhost:3000');

export function React(room: string) {
  const state = react.useSmartSocket(game);
  same<Same<typeof state, react.Connection<Game>>>();
  same<Same<typeof state.error, SmartSocketError | null>>();
  same<Same<typeof state.status, 'idle' | 'connecting' | 'connected' | 'reconnecting'>>();
  same<Same<ReturnType<typeof react.useSmartSocket<ServerEvents, ClientEvents>>['client'],
    Game | null>>();
  const made = react.useSmartSocket(() => make(), [room]).client;
  same<Same<typeof made, Game>>();
  const later = react.useSmartSocket(perhaps).client;
  same<Same<typeof later, Game | null>>();
  react.useSmartSocket(loose);
  // @ts-expect-error: no client
  react.useSmartSocket('ws://localhost:3000');

  react.useEvent(game, 'moved', (move, ack) => {
    same<Same<typeof move, Move>>();
    same<Same<typeof ack, Ack<unknown>>>();
  });
  react.useEvent(perhaps, 'question', (text, ack) => {
    same<Same<typeof text, string>>();
    ack({ answer: 1 });
    // @ts-expect-error: the answer has another type
    ack(1);
  });
  react.useEvent(game, 'moved', async () => {});
  react.useEvent(game, 'reconnected', (recovered) => { same<Same<typeof recovered, boolean>>(); });
  react.useEvent(game, '__rate-limited__', (info) => {
    same<Same<typeof info.retryAfter, number>>();
  });
  react.useEvent(loose, 'anything', (data) => data.x);
  // @ts-expect-error: no such event
  react.useEvent(game, 'jumped', () => {});
  // @ts-expect-error: its data is no number
  react.useEvent(game, 'moved', (move: number) => move);

  const last = react.useLatest(game, 'moved');
  same<Same<typeof last, Move | undefined>>();
  const first = react.useLatest(game, 'moved', null);
  same<Same<typeof first, Move | null>>();
  // @ts-expect-error: the client's own events have no data
  react.useLatest(game, 'connected');

  const emit: Game['emit'] = react.useEmit(game);
  emit('join', 'arena', (players) => { same<Same<typeof players, number>>(); });
  const move = react.useEmit(perhaps, 'move');
  const sent: boolean = move({ x: 1, y: 2 });
  const join = react.useEmit(game, 'join');
  join('arena', (players, error) => {
    same<Same<typeof players, number>>();
    same<Same<typeof error, SmartSocketError | undefined>>();
  });
  react.useEmit(game, 'ready')();
  react.useEmit(game, 'leave')((left) => { same<Same<typeof left, boolean>>(); });
  react.useEmit(loose, 'anything')({ a: 1 }, (answer) => answer.b);
  // @ts-expect-error: data is missing
  move();
  // @ts-expect-error: y is missing
  move({ x: 1 });
  // @ts-expect-error: no such event
  react.useEmit(game, 'moved');
  // @ts-expect-error: it takes no data
  react.useEmit(game, 'ready')(1);
  return sent;
}

// A generic hook on top of them compiles too.
export function useCounter<In extends object, Out extends object, E extends keyof In & string>(
  client: SmartSocketClient<In, Out>, event: E,
) {
  return react.useLatest(client, event, 0);
}

export function Vue() {
  const state = vue.useSmartSocket(game);
  same<Same<typeof state.error, ComputedRef<SmartSocketError | null>>>();
  same<Same<typeof state.connected, ComputedRef<boolean>>>();
  vue.useSmartSocket(perhaps);
  vue.useSmartSocket(() => perhaps);
  vue.useSmartSocket(shallowRef(perhaps));
  vue.useSmartSocket(shallowRef<Game>());
  vue.useSmartSocket(loose);
  // @ts-expect-error: no client
  vue.useSmartSocket(ref('ws://localhost:3000'));
  vue.useEvent(() => perhaps, 'question', (text, ack) => {
    same<Same<typeof text, string>>();
    ack({ answer: 1 });
  });
  vue.useEvent(loose, 'anything', (data) => data.x);
  // @ts-expect-error: its data is no number
  vue.useEvent(game, 'moved', (move: number) => move);
  // @ts-expect-error: no such event
  vue.useEvent(game, 'jumped', () => {});
  const last = vue.useLatest(game, 'moved', null);
  same<Same<typeof last, Readonly<ShallowRef<Move | null>>>>();
  const emit: Game['emit'] = vue.useEmit(game);
  emit('ready');
  vue.useEmit(shallowRef(perhaps), 'move')({ x: 1, y: 2 });
  // @ts-expect-error: y is missing
  vue.useEmit(game, 'move')({ x: 1 });
}

export function Svelte() {
  const state = svelte.connection(game);
  same<Same<typeof state, Readable<svelte.Connection<Game>>>>();
  const later = svelte.connection(perhaps);
  same<Same<typeof later, Readable<svelte.Connection<Game | null>>>>();
  // @ts-expect-error: no client
  svelte.connection('ws://localhost:3000');
  const last = svelte.latest(game, 'moved', null);
  same<Same<typeof last, Readable<Move | null>>>();
  const stop: () => void = svelte.listen(game, 'question', (text, ack) => {
    same<Same<typeof text, string>>();
    ack({ answer: 1 });
  });
  // @ts-expect-error: its data is no number
  svelte.listen(game, 'moved', (move: number) => move);
  const emit: Game['emit'] = svelte.emitter(game);
  emit('ready');
  svelte.emitter(game, 'join')('arena', (players) => { same<Same<typeof players, number>>(); });
  // @ts-expect-error: data is missing
  svelte.emitter(game, 'join')();
  return stop;
}
