import { SmartSocketClient } from './node_modules/@smartsocket/client/static.js';

const state = { status: 'connecting', players: 0, moves: [], cuts: 0, recovered: null };
let client;

async function show(change) {
  Object.assign(state, change);
  for (const tab of await self.clients.matchAll({ includeUncontrolled: true })) {
    tab.postMessage(state);
  }
}

function join(options) {
  client = new SmartSocketClient('/game', options);
  client.on('connected', () => show({ status: 'connected' }));
  client.on('moved', (move) => show({ moves: [...state.moves, move.X] }));
  client.on('disconnected', (reason, { reconnects }) => {
    if (reconnects) show({ status: 'away', cuts: state.cuts + 1 });
  });
  client.on('reconnected', (recovered) => show({ recovered }));
  client.on('error', (error) => show({ status: error.message }));
  client.once('connected', async () => {
    show({ players: await client.emitWithAck('join', 'arena') });
    client.emit('move', { X: 1, Y: 1 });
  });
  client.connect();
}

self.addEventListener('message', ({ data: options }) => (client ? show() : join(options)));
