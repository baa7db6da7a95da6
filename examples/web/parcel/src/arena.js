import { SmartSocketClient } from '@smartsocket/client';

// join connects to the arena and shows what happens there.
export function join(url, show) {
  const client = new SmartSocketClient(url);
  const state = { status: 'connecting', players: 0, moves: [], cuts: 0, recovered: null };
  const change = (part) => show(JSON.stringify(Object.assign(state, part)));

  client.on('connected', () => change({ status: 'connected' }));
  client.on('moved', (move) => change({ moves: [...state.moves, move.X] }));
  client.on('disconnected', (reason, { reconnects }) => {
    if (reconnects) change({ status: 'away', cuts: state.cuts + 1 });
  });
  client.on('reconnected', (recovered) => change({ recovered }));
  client.once('connected', async () => {
    change({ players: await client.emitWithAck('join', 'arena') });
    client.emit('move', { X: 1, Y: 1 });
  });
  client.connect();
  return client;
}
