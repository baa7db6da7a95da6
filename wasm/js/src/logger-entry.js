export { createLogger, logger } from './js.js';
