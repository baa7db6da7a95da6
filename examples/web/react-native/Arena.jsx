import { SmartSocketClient } from '@smartsocket/client';
import { useEvent, useSmartSocket } from '@smartsocket/client/react';
import { useState } from 'react';
import { Text } from 'react-native';

const client = new SmartSocketClient('ws://localhost:4000/game');

export function Arena() {
  const { status } = useSmartSocket(client); // connected while the component is mounted
  const [moves, setMoves] = useState([]);

  useEvent(client, 'moved', (move) => setMoves((before) => [...before, move.X]));
  useEvent(client, 'connected', async () => {
    await client.emitWithAck('join', 'arena');
    client.emit('move', { X: 1, Y: 1 });
  });

  return <Text>{JSON.stringify({ status, moves })}</Text>;
}
