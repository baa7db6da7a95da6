import { SmartSocketClient } from '@smartsocket/client';
import type { ClientEvents, ServerEvents } from './events';

// count asks how many are in the arena.
export async function count(server: string): Promise<number> {
  const client = new SmartSocketClient<ServerEvents, ClientEvents>(`${server}/game`);
  await client.connect();
  try {
    return await client.emitWithAck('count', 'arena');
  } finally {
    client.disconnect();
  }
}
