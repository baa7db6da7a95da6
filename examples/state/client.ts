import { SmartSocketClient } from '@smartsocket/client';
import { interpolate, lerp, predict } from '@smartsocket/client/state';
import type { Field, RunClientEvents, RunServerEvents } from './field';

const client = new SmartSocketClient<RunServerEvents, RunClientEvents>(
  process.argv[2] ?? 'ws://localhost:3000', { namespace: '/run', maxReconnectAttempts: 0 });

// Before joining, so that the first snapshot has somebody who hears it.
const field = client.state<Field>('field');

field.listen('phase', (phase) => console.log('it is', phase));
field.entries('runners', {
  added(runner, id) {
    console.log(`${runner.name} is here`);
    field.listen(runner, 'x', (x, before) => { if (before !== undefined) draw(id, x); });
  },
  removed: (runner) => console.log(`${runner.name} has left`),
});

await client.connect();
const me = await client.emitWithAck('join', 'Ann');

// Others are shown where they were a moment ago, on their way from tick to tick.
const shown = interpolate(field, 'runners', { x: lerp });

// Ann sees her own steps at once.
interface Step { dx: number }
const ann = predict(field, {
  from: ({ runners }) => {
    const mine = runners.get(me);
    return mine && { x: mine.x, breath: mine.breath };
  },
  apply: (mine, { dx }: Step) => {
    mine.x = Math.min(Math.max(mine.x + Math.min(Math.max(dx, -1), 1), 0), 100);
    mine.breath = Math.max(mine.breath - 1, 0);
  },
});

for (let i = 0; i < 3; i++) ann.send({ dx: 0.5 });
console.log(`Ann sees herself at ${ann.value?.x}, ${ann.pending} steps ahead of the server`);

const done = new Promise<void>((resolve) => {
  field.onChange(() => { if (field.acked === 3) resolve(); });
});
await done;
const { x, breath } = field.value!.runners.get(me)!;
console.log(`the server has her at ${x}, with ${breath} left, and ${ann.pending} steps to do`);
console.log(shown.get(me) ? 'she is shown' : 'she is not shown', field.synced);
client.disconnect();

function draw(_id: string, _x: number): void {} // an application moves something here
declare const process: { argv: string[] };
