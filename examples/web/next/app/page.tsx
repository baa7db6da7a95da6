import { Arena } from './arena';
import { count } from './count';

export const dynamic = 'force-dynamic'; // asks the server for every request

// A server component: it runs in Node.js, and so does the client in it.
export default async function Page() {
  const server = process.env.SMARTSOCKET_URL ?? 'ws://localhost:4000';
  return (
    <main>
      <p>{await count(server)} in the arena before you</p>
      <Arena url={`${server}/game`} />
    </main>
  );
}
