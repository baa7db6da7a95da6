import { SmartSocketClient } from '@smartsocket/client';

type ServerEvents = { moved: { X: number; Y: number } };
type ClientEvents = { move: { X: number; Y: number }; join: (room: string) => number };

const server = process.env.SMARTSOCKET_URL ?? 'ws://localhost:4000';
const client = new SmartSocketClient<ServerEvents, ClientEvents>(server, { namespace: '/game' });
const state = {
  status: 'connecting',
  players: 0,
  moves: [] as number[],
  cuts: 0,
  recovered: null as boolean | null,
};
const show = (change: Partial<typeof state>) =>
  console.log(JSON.stringify(Object.assign(state, change)));

client.on('connected', () => show({ status: 'connected' }));
client.on('moved', (move) => show({ moves: [...state.moves, move.X] }));
client.on('disconnected', (_reason, { reconnects }) => {
  if (reconnects) show({ status: 'away', cuts: state.cuts + 1 });
});
client.on('reconnected', (recovered) => show({ recovered }));

await client.connect();
show({ players: await client.emitWithAck('join', 'arena') });
client.emit('move', { X: 1, Y: 1 });

process.once('SIGINT', () => client.disconnect()); // nothing else keeps the program running
