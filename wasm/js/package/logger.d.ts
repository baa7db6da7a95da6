export { createLogger, logger } from './index.js';
export type { Logger, LogLevel } from './index.js';
