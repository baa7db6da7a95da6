import { SmartSocketClient } from '@smartsocket/client';
import type { DiceClientEvents, DiceServerEvents, Roll } from './events';

const client = new SmartSocketClient<DiceServerEvents, DiceClientEvents>(
  process.argv[2] ?? 'ws://localhost:3000', { namespace: '/dice', maxReconnectAttempts: 0 });

const rolled = new Promise<Roll>((resolve) => client.on('rolled', resolve));
client.on('pointed', (bytes) => console.log('pointed at', new Uint8Array(bytes)[1]));

await client.connect();
const seat = await client.emitWithAck('join', { name: 'Ann', colour: 'red' });
console.log(`seat ${seat.number}, with ${seat.others.length} others`);
client.emit('point', new Uint8Array([1, 4, 2]));

const sum = await client.emitWithAck('roll');
const { by, eyes } = await rolled;
console.log(`${by} rolled ${sum === eyes[0] + eyes[1] ? 'fairly' : 'oddly'}`);
client.disconnect();

declare const process: { argv: string[] };
