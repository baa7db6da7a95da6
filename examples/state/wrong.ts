import { SmartSocketClient } from '@smartsocket/client';
import '@smartsocket/client/state';
import type { Field } from './field';

const field = new SmartSocketClient('ws://localhost:3000').state<Field>('field');
// @ts-expect-error: there is no such phase
field.listen('phase', (phase) => phase === 'over');
// @ts-expect-error: there is no such field
field.listen('score', () => {});
field.entries('runners', {
  // @ts-expect-error: the state is the server's
  added: (runner) => { runner.x = 5; },
});
