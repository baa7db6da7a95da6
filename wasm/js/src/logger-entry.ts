// @smartsocket/client/logger: the logger that all clients without one of their own share.

import { logger } from '@smartsocket/client/js';

export { createLogger, logger } from '@smartsocket/client/js';
export type { Logger, LogLevel } from '@smartsocket/client/js';

/** The same as logger.setLevel. */
export const setLevel = logger.setLevel;
