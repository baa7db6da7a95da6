// What the adapters share: the state of a client as a value that does not change, and the count of
// those who use its connection. Nothing here names a framework, and nothing runs on a server:
// importing, observing and rendering open nothing and listen to nothing.

import type { LifecycleEvents, SmartSocketError } from '@smartsocket/client/js';

/**
 * Status is where a client stands. idle: no connection and nobody tries; connecting: the first
 * attempt is on its way; reconnecting: a connection was lost and the client tries to come back.
 */
export type Status = 'idle' | 'connecting' | 'connected' | 'reconnecting';

/** Connection is the state of a client at one moment. A new state is a new object. */
export interface Connection<C> {
  /** The client, or null if none was given. */
  readonly client: C;
  readonly status: Status;
  /** Whether status is 'connected'. */
  readonly connected: boolean;
  /** Why there is no connection, as far as that is known; null after disconnect(). */
  readonly error: SmartSocketError | null;
}

/** Observed is what the adapters know of one client. */
export interface Observed<C> {
  /** The state that a server renders, and a page that takes over what a server rendered. */
  readonly first: Connection<C>;
  now(): Connection<C>;
  /**
   * Keeps the client connected, and calls changed after each change of now(), until the function
   * that it returns is called.
   */
  subscribe(changed: () => void): () => void;
}

// Client is what is needed of a client, whatever its event maps are.
interface Client {
  readonly connected: boolean;
  connect(): Promise<void>;
  disconnect(): void;
  on<E extends keyof LifecycleEvents>(event: E, listener: LifecycleEvents[E]): unknown;
}

const observed = new WeakMap<object, Observed<unknown>>();

/** observe returns the one Observed of a client. A client of null is never connected. */
export function observe<C extends object | null>(client: C): Observed<C> {
  const key = client || observed;
  let found = observed.get(key) as Observed<C> | undefined;
  if (!found) observed.set(key, found = start(client, client as Client | null));
  return found;
}

function start<C>(shown: C, client: Client | null): Observed<C> {
  const first: Connection<C> = { client: shown, status: 'idle', connected: false, error: null };
  const subscribers = new Set<() => void>();
  let now = first, attached = false, ours = false;

  const become = (status: Status, error: unknown = null) => {
    if (status === now.status && error === now.error) return;
    const connected = status === 'connected';
    now = { client: shown, status, connected, error: error as SmartSocketError | null };
    subscribers.forEach((changed) => changed());
  };

  const subscribe = (changed: () => void) => {
    const own = () => changed();
    subscribers.add(own);
    if (client && !attached) attach(client, become, () => now);
    attached = true;
    // What the application opened itself stays open when the last subscriber is gone.
    if (client && !ours && now.status === 'idle') {
      ours = true;
      client.connect().catch(() => {}); // become has it
    }
    return () => {
      subscribers.delete(own);
      // Later, because React's StrictMode, a hot reload and a change of pages come back at once.
      setTimeout(() => {
        if (!client || !ours || subscribers.size > 0) return;
        ours = false;
        client.disconnect();
      });
    };
  };
  return { first, now: () => now, subscribe };
}

// attach tells become what happens to the client. It wraps connect(), which the client itself calls
// for every attempt, and takes no part in the error event, which is logged when nobody listens.
function attach(
  client: Client,
  become: (status: Status, error?: unknown) => void,
  now: () => Connection<unknown>,
) {
  const { connect, disconnect } = client;
  let turn = 0, again = false;
  client.connect = () => {
    const mine = ++turn;
    again = false;
    if (now().status === 'idle') become('connecting');
    // The client's own promise: nobody need hear that disconnect() has ended an attempt.
    const attempt = Promise.resolve(connect.call(client));
    attempt.catch((error) => {
      if (mine === turn) become(again ? 'reconnecting' : 'idle', error);
    });
    return attempt;
  };
  client.disconnect = () => {
    turn++;
    disconnect.call(client);
    become('idle');
  };
  client.on('connected', () => become('connected'));
  client.on('disconnected', (_reason, { reconnects }) => {
    become(reconnects ? 'reconnecting' : 'idle');
  });
  client.on('reconnecting', (_attempt, _delay, error) => {
    again = true;
    become('reconnecting', error || now().error);
  });
  if (client.connected) become('connected');
}
