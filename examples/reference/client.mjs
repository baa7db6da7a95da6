// const SmartSocketClient = require('smartsocket-client') was the old line.
import { CODES, SmartSocketClient } from '@smartsocket/client';
import { logger } from '@smartsocket/client/logger';

logger.setLevel('error');

const client = new SmartSocketClient(process.argv[2] ?? 'ws://localhost:3000', {
  namespace: '/chat',
  reconnectDelay: 500,
  maxReconnectAttempts: 15,
  ackTimeout: 60000,
});

// A wrapper of connect() that counts is called for every attempt, as before.
let attempts = 0;
const originalConnect = client.connect.bind(client);
client.connect = async function () {
  attempts++;
  await originalConnect();
};

// Everything that is asked again for every new connection belongs here.
const letIn = new Promise((resolve) => {
  client.on('connected', async () => {
    try {
      resolve(await client.emitWithAck('auth', { userId: 'ann', password: 'secret' }));
    } catch (error) {
      console.error('not let in:', error.message);
    }
  });
});
client.on('disconnected', (reason, { code, reconnects }) => {
  console.log(reconnects ? `away (${code}), coming back` : `gone (${code})`);
});
client.on('reconnected', (recovered) => {
  console.log(recovered ? 'back, nothing is lost' : 'back, fetch everything anew');
});
client.on('__rate-limited__', (info) => console.log('slow down:', info.event));
client.on('error', (error) => console.error('error:', error.code));

client.on('message', (message) => console.log('heard', message.text));
client.data.startedAt = Date.now();

await client.connect();
await letIn; // until then only auth passes

// The callback has a second parameter: there is an answer, or an error, once and always.
await new Promise((resolve) => {
  client.emit('message', { text: 'hello' }, (answer, error) => {
    console.log(error ? `failed: ${error.message}` : `sent: ${answer}`);
    resolve();
  });
});

// The same as a promise.
try {
  await client.emitWithAck('message', { text: '' }, { timeout: 5000 });
} catch (error) {
  console.log(error.code === CODES.INVALID_FORMAT, error.message);
}

await client.emitWithAck('delete', 1);
const late = await client.emitWithAck('delete', 2).catch((error) => error);
console.log(late.code === CODES.EVENT_RATE_LIMITED, late.retryAfter > 0);

const back = new Promise((resolve) => client.once('reconnected', resolve));
client.emit('drop');
await back;
await client.emitWithAck('message', { text: 'I am back' });
console.log(attempts, 'attempts');
client.disconnect();
