import { logger } from './index.js';

export { createLogger, logger } from './index.js';
export type { Logger, LogLevel } from './index.js';
/** The same as logger.setLevel: the level of the logger that all clients without one of their own share. */
export declare const setLevel: typeof logger.setLevel;
