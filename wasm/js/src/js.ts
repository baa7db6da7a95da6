// @smartsocket/client/js: the client with only the js engine. DEFLATE and encryption are loaded
// when a connection needs them.

import { SmartSocketClient } from './client.js';
import { loaders } from './parts.js';

export { CODES, SmartSocketError } from './errors.js';
export { createLogger, logger } from './logger.js';
export type { Logger, LogLevel } from './logger.js';
export type { Given } from './credentials.js';
export type { EmitOptions } from './delivery.js';
export type { Options } from './options.js';
export type { Stats } from './stats.js';
export type {
  Ack, AckCallback, AckOptions, DataOf, Disconnection, EventMap, LifecycleEvents, Listener, Name,
  NameWithoutData, RateLimited, ResponseOf,
} from './events.js';
export { SmartSocketClient };
export default SmartSocketClient;

loaders.flate = () => import('./flate.js');
loaders.sealing = () => import('./sealing.js');
loaders.keep = () => import('./keep.js');
