// What the compiler must accept and, on the lines marked, refuse. npm test compiles it; nothing runs it.

import Default, { CODES, SmartSocketClient, SmartSocketError, createLogger, logger } from '@smartsocket/client';
import type { Ack, AckOptions, DataOf, Listener, Logger, Options, ResponseOf, Stats } from '@smartsocket/client';
import { SmartSocketClient as JsClient } from '@smartsocket/client/js';
import { logger as sameLogger, setLevel } from '@smartsocket/client/logger';

interface Move { x: number; y: number }

interface ServerEvents {
  moved: Move;
  tick: void;
  frame: ArrayBuffer;
  question: (text: string) => { answer: number };
}

interface ClientEvents {
  move: Move;
  ready: void;
  say: string | undefined;
  join: (room: string) => number;
  leave: () => boolean;
}

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<_ extends true>() {}

const client = new SmartSocketClient<ServerEvents, ClientEvents>('ws://localhost:3000', { namespace: '/game', engine: 'auto', compression: false });
const options: AckOptions = { timeout: 1000, signal: new AbortController().signal };

// Events from the server.
client.on('moved', (move, ack) => { same<Same<typeof move, Move>>(); ack(1); });
client.once('frame', (bytes) => { same<Same<typeof bytes, ArrayBuffer>>(); });
client.on('question', (text, ack) => { same<Same<typeof text, string>>(); same<Same<typeof ack, Ack<{ answer: number }>>>(); ack({ answer: 1 }); ack(undefined, { message: 'no' }); ack(undefined, { code: 'ERR_SHOP_001', message: 'no', details: { price: 5 } }); });
client.on('tick', () => {}).off('tick').off('moved', () => {});
// @ts-expect-error: no such event
client.on('jumped', () => {});
// @ts-expect-error: its data is no number
client.on('moved', (move: number) => {});
// @ts-expect-error: the answer has another type
client.on('question', (_text, ack) => ack('one'));

// The client's own events.
client.on('connected', () => {}).on('disconnected', (reason, detail) => { same<Same<typeof reason, string>>(); same<Same<typeof detail.code, number>>(); });
client.on('reconnecting', (attempt, delay, error) => { same<Same<typeof attempt | typeof delay, number>>(); same<Same<typeof error, SmartSocketError | undefined>>(); });
client.on('connected', async () => { await client.emitWithAck('join', 'arena'); }).on('drain', () => {});
client.on('reconnected', (recovered) => { same<Same<typeof recovered, boolean>>(); });
client.on('error', (error) => { same<Same<typeof error, SmartSocketError>>(); same<Same<typeof error.details, unknown>>(); });
client.on('__rate-limited__', (info) => { same<Same<typeof info.retryAfter, number>>(); });

// Events to the server.
client.emit('move', { x: 1, y: 2 });
client.emit('move', { x: 1, y: 2 }, (_answer, error) => { same<Same<typeof error, SmartSocketError | undefined>>(); });
client.send('ready');
same<Same<ReturnType<typeof client.emit>, boolean>>();
client.emit('move', { x: 1, y: 2 }, { volatile: true });
client.emit('ready', undefined, { state: 'key', deadline: 5 });
client.setEmitOptions('move', { state: true }).setEmitOptions('move');
// @ts-expect-error: no such option
client.emit('move', { x: 1, y: 2 }, { volatil: true });
// @ts-expect-error: no such event
client.setEmitOptions('jumped', { volatile: true });
new SmartSocketClient('ws://localhost:3000', { apiKey: async () => 'key', auth: () => ({ token: 1 }), urls: ['ws://localhost:3001'], retryConnect: true, keepSession: 'user', highWaterMark: 1 });
// @ts-expect-error: a key is a string
new SmartSocketClient('ws://localhost:3000', { apiKey: () => 7 });
client.emit('say').valueOf();
client.emit('say', 'hello');
client.emit('ready', () => {});
client.emit('leave', (left) => { same<Same<typeof left, boolean>>(); });
client.emit('join', 'arena', (players) => { same<Same<typeof players, number>>(); });
// @ts-expect-error: y is missing
client.emit('move', { x: 1 });
// @ts-expect-error: data is missing
client.emit('move');
// @ts-expect-error: data is missing, a callback does not replace it
client.emit('join', (players: number) => {});
// @ts-expect-error: no such event
client.emit('moved', { x: 1, y: 2 });
// @ts-expect-error: it takes no data
client.emit('ready', 1);

// Answers: the same type with a timeout and a signal as without.
async function answers() {
  const plain = await client.emitWithAck('join', 'arena');
  const timed = await client.emitWithAck('join', 'arena', { timeout: 50 });
  const signalled = await client.emitWithAck('join', 'arena', options);
  same<Same<typeof plain, number>>(); same<Same<typeof timed, number>>(); same<Same<typeof signalled, number>>();
  const left = await client.emitWithAck('leave', undefined, options);
  same<Same<typeof left, boolean>>();
  const unknown = await client.emitWithAck('move', { x: 1, y: 2 });
  same<Same<typeof unknown, unknown>>();
  // @ts-expect-error: data is missing
  await client.emitWithAck('join');
  // @ts-expect-error: data of another type
  await client.emitWithAck('join', 1);
  // @ts-expect-error: no such option
  await client.emitWithAck('join', 'arena', { retries: 3 });
}

same<Same<DataOf<ClientEvents['join']>, string>>();
same<Same<DataOf<ClientEvents['leave']>, undefined>>();
same<Same<ResponseOf<ClientEvents['join']>, number>>();
same<Same<ResponseOf<any>, any>>();

// Without maps everything goes.
const loose = new JsClient('ws://localhost:3000');
loose.on('anything', (data, ack) => ack(data.x));
loose.emit('anything', { a: 1 }, (response) => response.b);
loose.emit('nothing', (response) => response);
loose.emitWithAck('anything', new Uint8Array(3), { timeout: 5 }).then((answer) => answer.c);
const both: Default<ServerEvents, ClientEvents> = client;

// The rest of the surface.
const stats: Stats = client.getStats();
const numbers: number = stats.rtt + stats.clockOffset + stats.queued + stats.dropped;
const strings: string = client.id + CODES.ACK_TIMEOUT;
client.data.anything = 1;
const log: Logger = createLogger((level, text) => level + text);
log.setLevel('debug');
logger.setLevel('silent');
setLevel('warn');
sameLogger.enabled('trace');
// @ts-expect-error: no such level
logger.setLevel('loud');
// @ts-expect-error: read only
client.id = 'mine';
// @ts-expect-error: no such option
const misspelt: Options = { reconectDelay: 1 };
// @ts-expect-error: no such engine
const engine: Options = { engine: 'asm' };
const error = new SmartSocketError(CODES.REJECTED, 'no', new Error('cause'));
same<Same<typeof CODES.REJECTED, 'ERR_APP_001'>>();
export { answers, both, engine, error, misspelt, numbers, strings };

// Generic wrappers, which every hook and every store is.
class Room<S extends object, C extends object> {
  constructor(readonly client: SmartSocketClient<S, C>) {}
  on<E extends keyof S & string>(event: E, fn: (data: DataOf<S[E]>) => void) { this.client.on(event, fn); return () => { this.client.off(event, fn); }; }
  onRaw<E extends keyof S & string>(event: E, fn: (data: S[E]) => void) { this.client.on(event, fn).off(event, fn); }
  onAll<E extends keyof S & string>(event: E, fn: Listener<S[E]>) { this.client.once(event, fn); }
  once<E extends keyof S & string>(event: E) { return new Promise<DataOf<S[E]>>((resolve) => { this.client.once(event, (data) => { resolve(data); }); }); }
  emit<E extends keyof C & string>(event: E, data: DataOf<C[E]>) { return this.client.emit(event, data); }
  ask<E extends keyof C & string>(event: E, data: DataOf<C[E]>): Promise<ResponseOf<C[E]>> { return this.client.emitWithAck(event, data, { timeout: 5 }); }
}
async function wrapped(room: Room<ServerEvents, ClientEvents>) {
  room.on('moved', (move) => { same<Same<typeof move, Move>>(); })();
  room.onRaw('moved', (move) => { same<Same<typeof move, Move>>(); });
  room.onAll('question', (_text, ack) => { ack({ answer: 1 }); });
  const move = await room.once('moved'), players = await room.ask('join', 'arena');
  same<Same<typeof move, Move>>(); same<Same<typeof players, number>>();
  room.emit('move', { x: 1, y: 2 });
  // @ts-expect-error: y is missing
  room.emit('move', { x: 1 });
  // @ts-expect-error: no such event
  room.on('jumped', () => {});
}

// A hook over one map.
function useEvent<E extends keyof ServerEvents>(event: E, fn: (data: ServerEvents[E]) => void) { client.on(event, fn); return () => client.off(event, fn); }
useEvent('moved', (move) => { same<Same<typeof move, Move>>(); });

// More parameters than there are.
client.on('moved', (a, b, c) => { same<Same<typeof a, Move>>(); same<Same<typeof c, undefined>>(); b(); });
loose.on('anything', (a, b, c) => { b(a.x); same<Same<typeof c, undefined>>(); });

// Both entries have one class.
const js: JsClient<ServerEvents, ClientEvents> = client;
class Subclass extends SmartSocketClient<ServerEvents, ClientEvents> { moves(fn: (move: Move) => void) { return this.on('moved', fn); } }
same<Same<ReturnType<Subclass['moves']>, Subclass>>();
export { js, useEvent, wrapped };
