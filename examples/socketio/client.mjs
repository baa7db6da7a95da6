// import { io } from 'socket.io-client';
import { CODES, SmartSocketClient } from '@smartsocket/client';

const address = process.argv[2] ?? 'ws://localhost:3000';
const token = process.argv[3] ?? '';

// const socket = io(address, { auth: { token }, reconnectionDelay: 500, timeout: 20000,
//   reconnectionAttempts: Infinity, ackTimeout: 10000, autoConnect: false });
const socket = new SmartSocketClient(address, {
  apiKey: token,
  reconnectDelay: 500,
  connectTimeout: 20000,
  maxReconnectAttempts: -1,
  ackTimeout: 10000,
});

// socket.on('connect', …), socket.on('disconnect', …), socket.recovered
socket.on('connected', () => console.log('connected'));
socket.on('disconnected', (reason, { reconnects }) => {
  console.log(reconnects ? 'lost, coming back' : 'disconnected');
});
socket.on('reconnected', (recovered) => {
  if (!recovered) socket.emit('add user', 'Ann'); // the server has a new socket for us
  console.log('recovered:', recovered);
});

// socket.on('new message', (data, callback) => …)
socket.on('login', ({ numUsers }) => console.log('users:', numUsers));
socket.on('picture', (bytes) => console.log('a picture of', bytes.byteLength, 'bytes'));

// socket.connect(), and socket.on('connect_error', …)
try {
  await socket.connect();
} catch (error) {
  console.log(error.code === CODES.AUTH_FAILED ? 'log in again' : error.message);
  process.exit();
}

// socket.emit('add user', 'Ann')
socket.emit('add user', 'Ann');

// socket.timeout(5000).emitWithAck('list users')
const users = await socket.emitWithAck('list users', undefined, { timeout: 5000 });
console.log(users.join());

// socket.emit('subscribe', 'pictures', (answer) => …): errors have a parameter of their own
await new Promise((resolve) => {
  socket.emit('subscribe', 'cellar', (members, error) => {
    console.log(members, error.message);
    resolve();
  });
});
await socket.emitWithAck('subscribe', 'pictures');

// Another client sends to the room. Buffers, views and ArrayBuffers travel as bytes.
const other = new SmartSocketClient(address);
await other.connect();
const picture = new Promise((resolve) => socket.once('picture', resolve));
other.emit('picture', new Uint8Array(1000));
await picture;
other.disconnect();

// connectionStateRecovery: the server cuts the connection, and knows us again
const back = new Promise((resolve) => socket.once('reconnected', resolve));
socket.emit('cut me off');
await back;
socket.disconnect();
