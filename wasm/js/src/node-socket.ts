// The WebSocket that Node has itself since version 22. When the other side is gone it waits for the
// answer to its close frame without end, and keeps the program alive.

import type { SocketClass } from './socket.js';

type Given = typeof WebSocket;
type Upgrade = (...args: { destroy?: () => void }[]) => void;

interface Handler {
  onUpgrade?: Upgrade; // the socket is an argument
  onRequestUpgrade?: Upgrade; // the same in later versions
}

interface Dispatcher {
  dispatch(options: unknown, handler: Handler): unknown;
}

// The place where Node keeps what opens the connections of fetch and WebSocket.
const SLOT = Symbol.for('undici.globalDispatcher.1');

// nodeSocket returns Node's WebSocket with a terminate(), or any other as it is: frameworks and
// test environments put their own in its place, which would not understand the argument.
export function nodeSocket(Class: Given): SocketClass {
  const world = globalThis as unknown as Record<symbol, Dispatcher | undefined>;
  if (!world[SLOT] || !/WebSocketInit/.test(String(Class))) {
    return Class as unknown as SocketClass;
  }
  return class extends Class {
    constructor(url: string, protocols: string[]) {
      let end = (): void => {};
      const dispatcher: Dispatcher = {
        dispatch(options, handler) {
          const heard = Object.create(handler) as Handler;
          for (const name of ['onUpgrade', 'onRequestUpgrade'] as const) {
            if (!handler[name]) continue;
            heard[name] = (...args) => {
              const socket = args.filter((arg) => arg && arg.destroy)[0];
              if (socket) end = () => socket.destroy!();
              handler[name]!(...args);
            };
          }
          return world[SLOT]!.dispatch(options, heard);
        },
      };
      super(url, { protocols, dispatcher } as never);
      Object.defineProperty(this, 'terminate', { value: () => end() });
    }
  } as unknown as SocketClass;
}
