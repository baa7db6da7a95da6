// @smartsocket/client/static: the client with the whole js engine in one file, for worlds that
// forbid import(), as service workers do, or that have none. It uses no import.meta either.
// require('@smartsocket/client/js') is the same.

import { complete } from './complete.js';

export * from './api.js';
export { SmartSocketClient as default } from './client.js';

complete();
