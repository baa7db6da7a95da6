// The browser client while one process takes over from another: started by
// TestSuccessorTakesSessionsOver. It emits and asks all the time, and says what it noticed.

import { SmartSocketClient } from '@smartsocket/client';
import { WebSocket } from 'ws';

const c = new SmartSocketClient(process.argv[2], { WebSocket, engine: 'js' });
const echoes = [], lives = [];
c.on('echo', (n) => echoes.push(n));
c.on('disconnected', () => lives.push('disconnected'));
c.on('reconnected', (info) => lives.push(`reconnected ${info}`));
await c.connect();
const id = c.id;
console.log('connected');
let sent = 0, wrong = 0;
for (let after = 0; after < 20;) {
  const n = sent++;
  if (n % 4 === 0) {
    if (await c.emitWithAck('echo', n) !== n) wrong++;
  } else {
    c.emit('echo', n);
    await new Promise((resolve) => { setTimeout(resolve, 1); });
  }
  if (lives.length > 0) after++;
}
while (echoes.length < sent) await new Promise((resolve) => { setTimeout(resolve, 1); });
await c.emitWithAck('echo', sent++); // behind whatever might still come
const ordered = echoes.every((n, i) => n === i);
console.log(JSON.stringify({ lives, same: c.id === id, ordered, wrong, extra: echoes.length - sent }));
c.disconnect();
