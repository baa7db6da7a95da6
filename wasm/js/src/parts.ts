// The parts that only some clients need, or that are needed only later: DEFLATE and encryption,
// which a connection loads before its CONNECT, the session that outlives a reload, and moving.

import { messageOf } from './errors.js';

export interface Parts {
  flate?: Pick<typeof import('./flate.js'), 'deflate' | 'inflate'>;
  sealing?: Pick<typeof import('./sealing.js'), 'connect'>;
  keep?: Pick<typeof import('./keep.js'), 'Keeper'>;
  move?: Pick<typeof import('./move.js'), 'Mover' | 'Leaving'>;
}

// parts holds the exports of the files of these names once they are loaded.
export const parts: Parts = {};

type Loaders = { [N in keyof Parts]?: () => Promise<Parts[N]> };

// loaders resolve with the exports of a part. js.ts fills them in; complete.ts sets the parts
// themselves.
export const loaders: Loaders = {};

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
