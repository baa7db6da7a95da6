'use client';

import { SmartSocketClient } from '@smartsocket/client';
import { useEffect, useState } from 'react';
import type { ClientEvents, ServerEvents } from './events';

const start = {
  status: 'connecting',
  players: 0,
  moves: [] as number[],
  cuts: 0,
  recovered: null as boolean | null,
};

export function Arena({ url }: { url: string }) {
  const [state, setState] = useState(start);

  useEffect(() => {
    const client = new SmartSocketClient<ServerEvents, ClientEvents>(url);
    const show = (change: Partial<typeof start>) => setState((s) => ({ ...s, ...change }));

    client.on('connected', () => show({ status: 'connected' }));
    client.on('moved', (move) => setState((s) => ({ ...s, moves: [...s.moves, move.X] })));
    client.on('disconnected', (_reason, { reconnects }) => {
      if (reconnects) setState((s) => ({ ...s, status: 'away', cuts: s.cuts + 1 }));
    });
    client.on('reconnected', (recovered) => show({ recovered }));
    client.once('connected', async () => {
      show({ players: await client.emitWithAck('join', 'arena') });
      client.emit('move', { X: 1, Y: 1 });
    });
    client.connect();
    return () => client.disconnect(); // StrictMode does both twice in development
  }, [url]);

  return <pre id="state">{JSON.stringify(state)}</pre>;
}
