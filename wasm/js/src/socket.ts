// What a link uses of a WebSocket: the browser's, Node's, or that of package ws.

import type { Bytes } from './codec.js';

export interface Socket {
  binaryType: string;
  readonly protocol: string;
  readonly readyState: number;
  readonly bufferedAmount: number;
  onopen: (() => void) | null;
  onmessage: ((e: { data: string | ArrayBuffer }) => void) | null;
  onerror: ((e?: { message?: string }) => void) | null;
  onclose: ((e: { code: number; reason: string }) => void) | null;
  send(data: Bytes): void;
  close(code?: number): void;
  // terminate gives the connection up at once. Only those of Node have it.
  terminate?(): void;
  // The same.
  on?(event: 'unexpected-response', listener: (request: unknown, response: Response) => void): void;
}

interface Response {
  statusCode: number;
  headers: Record<string, string | undefined>;
}

export type SocketClass = new (url: string, protocols: string[]) => Socket;
