// The parts of the js engine that only some connections need: DEFLATE and encryption. A connection
// loads them before its CONNECT.

import { messageOf } from './errors.js';

type Flate = Pick<typeof import('./flate.js'), 'deflate' | 'inflate'>;
type Sealing = Pick<typeof import('./sealing.js'), 'connect'>;
type Keep = Pick<typeof import('./keep.js'), 'Keeper'>;

export interface Parts {
  flate: Flate | null;
  sealing: Sealing | null;
  keep: Keep | null;
}

// parts holds the exports of flate.ts and sealing.ts once they are loaded.
export const parts: Parts = { flate: null, sealing: null, keep: null };

interface Loaders {
  flate: (() => Promise<Flate>) | null;
  sealing: (() => Promise<Sealing>) | null;
  keep: (() => Promise<Keep>) | null;
}

// loaders resolve with the exports of a part. js.ts fills them in; complete.ts sets the parts
// themselves.
export const loaders: Loaders = { flate: null, sealing: null, keep: null };

// loadPart resolves once parts[name] is loaded.
export function loadPart<N extends keyof Parts>(name: N): Promise<void> {
  if (parts[name]) return Promise.resolve();
  return (loaders[name] as () => Promise<Parts[N]>)().then((part) => {
    parts[name] = part;
  }, (e) => {
    throw new Error(`${name}.js did not load: ${messageOf(e)}. It must lie beside the client, ` +
      'or import "@smartsocket/client/static", which has it, as service workers must');
  });
}
