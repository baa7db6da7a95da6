// @smartsocket/client for React Native: the js engine, without import.meta, which Hermes cannot
// compile, and with UTF-8 of its own, because Hermes may have no TextDecoder. What other builds
// load when they need it is here from the beginning.

import { coders } from './bytes.js';
import { SmartSocketClient } from './client.js';
import { deflate, inflate } from './flate.js';
import { Keeper } from './keep.js';
import { parts } from './parts.js';
import { plainDecoder, plainEncoder } from './plain-utf8.js';
import { connect } from './sealing.js';

export { CODES, SmartSocketError } from './errors.js';
export { createLogger, logger } from './logger.js';
export { SmartSocketClient };
export default SmartSocketClient;

parts.flate = { deflate, inflate };
parts.keep = { Keeper };
parts.sealing = { connect };
coders.encoder = coders.encoder || plainEncoder;
coders.decoder = coders.decoder || plainDecoder;
