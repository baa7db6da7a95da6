// @smartsocket/client/js: the client with only the js engine. DEFLATE, encryption and what survives
// a reload of the page are loaded when a connection needs them, moving when one has lasted a while.

import { loaders } from './parts.js';

export * from './api.js';
export { SmartSocketClient as default } from './client.js';

loaders.flate = () => import('./flate.js');
loaders.sealing = () => import('./sealing.js');
loaders.keep = () => import('./keep.js');
loaders.move = () => import('./move.js');
