// The world that Go's own wasm_exec.js sees as globalThis, so that it leaves nothing in the page.
// The build puts goWorld there by esbuild's define and inject.

function none(): Error {
  const e: Error & { code?: string } = new Error('not implemented');
  e.code = 'ENOSYS';
  return e;
}

let pending = '';

const fs = {
  constants: {
    O_WRONLY: -1, O_RDWR: -1, O_CREAT: -1, O_TRUNC: -1, O_APPEND: -1, O_EXCL: -1, O_DIRECTORY: -1,
  },
  writeSync(_fd: number, bytes: Uint8Array): number { // only the Go runtime's last words come here
    const lines = (pending + new TextDecoder().decode(bytes)).split('\n');
    pending = lines.pop()!;
    lines.forEach((line) => console.error('[smartsocket] [error] ' + line));
    return bytes.length;
  },
  write(_fd: number, _bytes: Uint8Array, _offset: number, _length: number, _position: number,
    callback: (error: Error) => void): void {
    callback(none());
  },
};

export const goWorld: Record<string, unknown> = {
  Object, Array, Uint8Array, Date, TextEncoder, TextDecoder, crypto, performance, fs,
  process: { pid: -1, ppid: -1, getuid: () => -1 },
  path: {},
};
