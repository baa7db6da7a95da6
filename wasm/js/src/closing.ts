// How connections end: the close codes, and the errors that they turn into.

import { CODES, SmartSocketError, connectionLost, handshakeFailed } from './errors.js';

export const CLOSE_DECRYPT = 3502;
export const CLOSE_REPLACED = 3503; // another connection goes on with the session
// Unlike 1000 it leaves the session on the server, to be resumed.
export const CLOSE_LOST = 3001;

// ERRORS maps close codes with a meaning of their own to error codes.
const ERRORS: Record<number, string> = {
  1009: CODES.TOO_LARGE,
  1013: CODES.MAX_CONNECTIONS,
  3001: CODES.TIMEOUT,
  3500: CODES.AUTH_FAILED,
  3501: CODES.INVALID_NAMESPACE,
  3502: CODES.DECRYPTION,
};

// explain makes the error for a WebSocket to url that was closed by the server or the network while
// the link was in this phase. failure is what the WebSocket said, cause
// what the server said before.
export function explain(phase: string, url: string, code: number, reason: string,
  failure: string, cause?: SmartSocketError): SmartSocketError {
  let what = ' (close code ' + code;
  if (reason) what += ', ' + reason;
  if (failure) what += ', ' + failure;
  what += ')';
  const known = ERRORS[code];
  if (known) return new SmartSocketError(known, 'the server closed the connection' + what, cause);
  if (phase === 'ready') {
    return connectionLost('the connection was lost' + what, cause);
  }
  if (phase !== 'opening') {
    return handshakeFailed('the connection ended before the handshake did' + what);
  }
  if (/unexpected server response|invalid .*header|subprotocol/i.test(failure)) {
    return handshakeFailed(url + ' did not accept the WebSocket' + what);
  }
  return new SmartSocketError(CODES.REFUSED,
    `no WebSocket could be opened to ${url}${what}; check the address and that the server runs`);
}
