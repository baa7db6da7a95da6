// The error codes, which never change on the wire, and the only error type of this client.

export var CODES = {
  REFUSED: 'ERR_CONN_001',
  TIMEOUT: 'ERR_CONN_002',
  HANDSHAKE_FAILED: 'ERR_CONN_003',
  AUTH_FAILED: 'ERR_CONN_004',
  MAX_CONNECTIONS: 'ERR_CONN_005',
  CONNECTION_LOST: 'ERR_CONN_006',
  THROTTLED: 'ERR_CONN_007',
  INVALID_FORMAT: 'ERR_MSG_001',
  DECOMPRESSION: 'ERR_MSG_002',
  DECRYPTION: 'ERR_MSG_003',
  TOO_LARGE: 'ERR_MSG_004',
  INVALID_NAMESPACE: 'ERR_MSG_005',
  RATE_LIMITED: 'ERR_RATE_001',
  EVENT_RATE_LIMITED: 'ERR_RATE_002',
  ACK_TIMEOUT: 'ERR_ACK_001',
  ACK_INVALID: 'ERR_ACK_002',
  ACK_UNKNOWN: 'ERR_ACK_003',
  REJECTED: 'ERR_APP_001',
  HANDLER_FAILED: 'ERR_APP_002',
  NO_HANDLER: 'ERR_APP_003',
  SHUTTING_DOWN: 'ERR_SRV_001'
};

// SmartSocketError carries a code of the table above; cause is the error beneath it, if any.
export function SmartSocketError(code, message, cause) {
  // A native error, which consoles print well.
  var e = Object.setPrototypeOf(new Error(message), SmartSocketError.prototype);
  e.code = code;
  if (cause !== undefined) e.cause = cause;
  return e;
}

SmartSocketError.prototype = Object.create(Error.prototype, {
  constructor: { value: SmartSocketError, writable: true, configurable: true },
  name: { value: 'SmartSocketError', writable: true, configurable: true }
});

// errorFromWire turns the payload of an ERROR message into a SmartSocketError, whatever the payload
// is.
export function errorFromWire(value) {
  var v = value !== null && typeof value === 'object' ? value : {};
  var code = typeof v.code === 'string' ? v.code : CODES.INVALID_FORMAT;
  var e = new SmartSocketError(code, typeof v.message === 'string' ? v.message : 'the server reported an error without a message');
  if (typeof v.event === 'string') e.event = v.event;
  if (typeof v.retryAfter === 'number') e.retryAfter = v.retryAfter;
  if (v.details !== undefined) e.details = v.details;
  return e;
}

// errorToWire returns the payload of an ERROR message that answers a question. Codes of other errors
// are not ours to tell, because Node has ENOENT and the like, and neither are their details. Details
// that are no JSON are left out.
export function errorToWire(error) {
  var known = error && typeof error.code === 'string' && (error instanceof SmartSocketError || /^ERR_[A-Z]+_\d+$/.test(error.code));
  var wire = { code: known && error.code ? error.code : CODES.HANDLER_FAILED, message: error && typeof error.message === 'string' ? error.message : String(error) };
  try {
    if (known) wire.details = error.details;
    return JSON.stringify(wire);
  } catch (e) {
    wire.details = undefined;
    return JSON.stringify(wire);
  }
}
