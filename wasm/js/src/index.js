// The public names of the ES module.

import './emit.js';

export { SmartSocketClient } from './client.js';
export { SmartSocketError, CODES } from './errors.js';
export { logger, createLogger } from './logger.js';
export { environment } from './environment.js';
