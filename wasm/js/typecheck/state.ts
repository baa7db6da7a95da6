// What the compiler must accept of states and, on the lines marked, refuse. npm test compiles it;
// nothing runs it.

import { SmartSocketClient } from '@smartsocket/client';
import { SmartSocketClient as JsClient } from '@smartsocket/client/js';
import { State, interpolate, lerp, lerpAngle, predict, state } from '@smartsocket/client/state';
import type { At, Entries, Message, Path, Prediction } from '@smartsocket/client/state';

interface Point { readonly x: number; readonly y: number }
interface Card { readonly code: string; readonly up: boolean }
interface Player {
  readonly name: string;
  readonly x: number;
  readonly turn: number;
  readonly at: Point;
  readonly cards: readonly number[];
  readonly items: ReadonlyMap<number, Card>;
}
interface Box { readonly id: number; readonly kind: 'wood' | 'iron' }
interface Arena {
  readonly phase: 'lobby' | 'play';
  readonly left: number;
  readonly ball: Point;
  readonly players: ReadonlyMap<string, Player>;
  readonly boxes: readonly Box[];
  readonly tags: readonly string[];
  readonly seal: Uint8Array;
  readonly wins: ReadonlyMap<number, number>;
}

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<_ extends true>() {}

interface In { moved: Point }
const client = new SmartSocketClient<In, {}>('ws://localhost:3000');
const arena = client.state<Arena>('arena');
same<Same<typeof arena, State<Arena>>>();
same<Same<ReturnType<typeof state<Arena>>, State<Arena>>>();
state<Arena>(client, 'arena').close();
new JsClient('ws://localhost:3000').state('any').listen('anything.at.all', (now) => now.whatever);
same<Same<Path<Arena>, 'phase' | 'left' | 'ball' | 'ball.x' | 'ball.y' | 'players' | 'boxes' | 'tags' | 'seal' | 'wins'>>();
same<Same<Entries<Arena>, 'players' | 'boxes' | 'wins'>>();
same<Same<At<Arena, 'ball.y'>, number>>();

same<Same<typeof arena.value, Arena | undefined>>();
same<Same<typeof arena.acked | typeof arena.lag | typeof arena.tick, number>>();
// @ts-expect-error: the state is the server's
arena.value!.left = 5;
// @ts-expect-error: and so is what it tells
arena.synced = true;

const off: () => void = arena.listen('phase', (now, before) => {
  same<Same<typeof now, 'lobby' | 'play'>>();
  same<Same<typeof before, 'lobby' | 'play' | undefined>>();
});
off();
arena.listen('ball.x', (x) => x.toFixed());
// @ts-expect-error: no such field
arena.listen('ball.z', () => {});
// @ts-expect-error: the fields of entries are heard by the entry
arena.listen('players.x', () => {});
arena.entries('players', {
  added(player, key) {
    same<Same<typeof player, Player>>();
    same<Same<typeof key, string>>();
    arena.listen(player, 'x', (x, before) => x - (before ?? 0));
    arena.listen(player.at, 'y', (y) => y.toFixed());
    // @ts-expect-error: no such field
    arena.listen(player, 'z', () => {});
    arena.entries(player.items, { changed: (card, slot, fields) => { card.up; slot.toFixed(); fields.join(); } });
  },
  removed: (player) => { player.name; },
});
arena.entries('boxes', { added: (box, key) => { same<Same<typeof box, Box>>(); same<Same<typeof key, string | number>>(); } });
arena.entries('wins', { changed: (n, key) => { same<Same<typeof n | typeof key, number>>(); } });
// @ts-expect-error: it has no entries
arena.entries('phase', {});
// @ts-expect-error: nor has a list of scalars
arena.entries('tags', {});
arena.onChange((value, message) => { same<Same<typeof value, Arena>>(); same<Same<typeof message, Message>>(); });
arena.onSync((synced) => { same<Same<typeof synced, boolean>>(); });
arena.onError((error) => { error.code.length; });
same<Same<ReturnType<typeof arena.send>, number>>();
arena.send({ dx: 1 }, { volatile: true });

const shown = interpolate(arena, 'players', { x: lerp, turn: lerpAngle });
const ann = shown.get('ann');
if (ann) same<Same<typeof ann.x | typeof ann.turn, number>>();
// @ts-expect-error: a name has no way to another
interpolate(arena, 'players', { name: lerp });
// @ts-expect-error: it is not blended
shown.get('ann')?.at;
interpolate(arena, 'ball', { x: lerp, y: lerp }).get()?.y.toFixed();

const me: Prediction<{ x: number }, { dx: number }> = predict(arena, {
  from: (value) => { const mine = value.players.get('ann'); return mine && { x: mine.x }; },
  apply: (mine, { dx }: { dx: number }) => { mine.x += dx; },
});
me.send({ dx: 1 });
// @ts-expect-error: an input has dx
me.send({ dy: 1 });
