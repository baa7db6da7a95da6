// What the compiler refuses, because the server would.
import { SmartSocketClient } from '@smartsocket/client';
import type { DiceClientEvents, DiceServerEvents } from './events';

export const client = new SmartSocketClient<DiceServerEvents, DiceClientEvents>('/');

// @ts-expect-error: no event has this name
client.emit('rol');
// @ts-expect-error: there is no green
client.emit('join', { name: 'Ann', colour: 'green' });
// @ts-expect-error: the answer has no seat
client.emitWithAck('join', { name: 'Ann', colour: 'red' }).then((seat) => seat.place);
// @ts-expect-error: nobody may have won anything
client.on('rolled', (roll) => roll.won.toFixed());
