declare const SMARTSOCKET_VERSION: string | undefined; // the build says it

// CLIENT is the name that the client gives itself in the handshake.
export const CLIENT = 'smartsocket-js/' +
  (typeof SMARTSOCKET_VERSION === 'string' ? SMARTSOCKET_VERSION : 'dev');
