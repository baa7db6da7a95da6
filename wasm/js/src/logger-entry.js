import { logger } from './js.js';

export { createLogger } from './js.js';
export { logger };
export var setLevel = logger.setLevel;
