// @smartsocket/client/js: the client with only the js engine. DEFLATE and encryption are loaded
// when a connection needs them.

import { loaders } from './parts.js';
import './emit.js';

export { SmartSocketClient, SmartSocketClient as default } from './client.js';
export { CODES, SmartSocketError } from './errors.js';
export { createLogger, logger } from './logger.js';

loaders.flate = function () { return import('./flate.js'); };
loaders.sealing = function () { return import('./sealing.js'); };
