import { join } from './arena.js';

const server = process.env.SMARTSOCKET_URL ?? 'ws://localhost:4000';
const client = join(`${server}/game`, console.log);
process.once('SIGINT', () => client.disconnect());
