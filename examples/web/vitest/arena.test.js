import { afterEach, expect, test } from 'vitest';
import { join } from './arena.js';

const server = process.env.SMARTSOCKET_URL ?? 'ws://localhost:4000';
let client;
afterEach(() => client.disconnect());

test('a client that was cut off comes back and has missed nothing', async () => {
  const last = await new Promise((resolve) => {
    client = join(`${server}/game`, (state) => {
      if (state.recovered !== null && state.moves.length === 3) resolve(state);
    });
  });
  expect(last).toMatchObject({ status: 'connected', moves: [1, 2, 3], recovered: true });
  process.stdout.write(JSON.stringify(last) + '\n');
}, 60_000);
