// What every entry with the js engine exports.

export { SmartSocketClient } from './client.js';
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
