// The WebSocket that Node has itself since version 22. When the other side is gone it waits for the
// answer to its close frame without end, and keeps the program alive.

import type { SocketClass } from './socket.js';

type Given = typeof WebSocket;
type Upgrade = (...args: { destroy?: () => void }[]) => void;

type Headers = Record<string, string | undefined>;

interface Handler {
  onUpgrade?: Upgrade; // the socket is an argument
  onRequestUpgrade?: Upgrade; // the same in later versions
  onHeaders?(status: number, headers: unknown[], ...rest: unknown[]): unknown;
  onResponseStart?(controller: unknown, status: number, headers: Headers, text: string): unknown;
}

type Answered = (request: unknown, response: { statusCode: number; headers: Headers }) => void;

interface Dispatcher {
  dispatch(options: unknown, handler: Handler): unknown;
}

// The place where Node keeps what opens the connections of fetch and WebSocket.
const SLOT = Symbol.for('undici.globalDispatcher.1');

// retryAfter finds that header among names and values.
function retryAfter(headers: unknown[]): Headers {
  const at = headers.findIndex((name, i) => i % 2 === 0 && /^retry-after$/i.test(String(name)));
  return { 'retry-after': at < 0 ? undefined : String(headers[at + 1]) };
}

// hearAnswer tells how the upgrade was answered where that was no upgrade.
function hearAnswer(handler: Handler, heard: Handler, answered: Answered): void {
  const tell = (statusCode: number, headers: Headers): void => {
    if (statusCode >= 200) answered(undefined, { statusCode, headers });
  };
  if (handler.onHeaders) {
    heard.onHeaders = (status, headers, ...rest) => {
      tell(status, retryAfter(headers));
      return handler.onHeaders!(status, headers, ...rest);
    };
  }
  if (handler.onResponseStart) {
    heard.onResponseStart = (controller, status, headers, text) => {
      tell(status, headers);
      return handler.onResponseStart!(controller, status, headers, text);
    };
  }
}

// nodeSocket returns Node's WebSocket with the terminate() and the event unexpected-response of
// package ws, or any other WebSocket as it is: frameworks and test environments put their own in
// its place, which would not understand the argument.
export function nodeSocket(Class: Given): SocketClass {
  const world = globalThis as unknown as Record<symbol, Dispatcher | undefined>;
  if (!world[SLOT] || !/WebSocketInit/.test(String(Class))) {
    return Class as unknown as SocketClass;
  }
  return class extends Class {
    constructor(url: string, protocols: string[]) {
      let end = (): void => {}, answered: Answered = () => {};
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
          hearAnswer(handler, heard, (request, response) => answered(request, response));
          return world[SLOT]!.dispatch(options, heard);
        },
      };
      super(url, { protocols, dispatcher } as never);
      Object.defineProperty(this, 'terminate', { value: () => end() });
      Object.defineProperty(this, 'on', {
        value: (_name: string, listener: Answered) => { answered = listener; },
      });
    }
  } as unknown as SocketClass;
}
