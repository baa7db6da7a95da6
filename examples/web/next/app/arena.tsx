'use client';

import { SmartSocketClient } from '@smartsocket/client';
import { useEvent, useSmartSocket } from '@smartsocket/client/react';
import { useState } from 'react';
import type { ClientEvents, ServerEvents } from './events';

export function Arena({ url }: { url: string }) {
  // Next.js renders this on the server too, where it opens nothing.
  const { client, status } = useSmartSocket(
    () => new SmartSocketClient<ServerEvents, ClientEvents>(url), [url],
  );
  const [players, setPlayers] = useState(0);
  const [moves, setMoves] = useState<number[]>([]);
  const [cuts, setCuts] = useState(0);
  const [recovered, setRecovered] = useState<boolean | null>(null);

  useEvent(client, 'moved', (move) => setMoves((before) => [...before, move.X]));
  useEvent(client, 'disconnected', (_reason, { reconnects }) => {
    if (reconnects) setCuts(cuts + 1);
  });
  useEvent(client, 'reconnected', setRecovered);
  useEvent(client, 'connected', async () => {
    if (players > 0) return; // a session that is recovered has its rooms still
    setPlayers(await client.emitWithAck('join', 'arena'));
    client.emit('move', { X: 1, Y: 1 });
  });

  const shown = status === 'reconnecting' ? 'away' : status;
  return (
    <pre id="state">{JSON.stringify({ status: shown, players, moves, cuts, recovered })}</pre>
  );
}
