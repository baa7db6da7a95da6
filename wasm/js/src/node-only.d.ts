// What node.ts uses of Node, whose own types would hide from the compiler what browsers lack.

declare module 'node:fs/promises' {
  export function readFile(path: URL): Promise<Uint8Array<ArrayBuffer>>;
}

declare module 'node:module' {
  export function createRequire(url: string): (name: 'ws') => typeof import('ws');
}

declare module 'node:url' {
  export function pathToFileURL(path: string): URL;
}

declare module 'ws' {
  export const WebSocket: import('./socket.js').SocketClass;
}
