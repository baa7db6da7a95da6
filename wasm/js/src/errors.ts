// The error codes, which never change on the wire, and the only error type of this client.

/** Codes of SmartSocketError; stable on the wire. */
export const CODES = {
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
  SHUTTING_DOWN: 'ERR_SRV_001',
} as const;

/** Every error of this client. */
export class SmartSocketError extends Error {
  declare readonly name: 'SmartSocketError';
  /**
   * One of CODES, one of the application ('SHOP_NO_GOLD'), or a code this client does not know
   * yet.
   */
  declare readonly code: string;
  /** The event it is about, if any. */
  declare readonly event?: string;
  /** Milliseconds after which trying again makes sense. */
  declare readonly retryAfter?: number;
  /**
   * What the server's program says about it, of any JSON type. On an error with an ERR_ code that
   * answers a question it is sent.
   */
  declare details?: unknown;
  /** The error beneath it, if any. */
  declare readonly cause?: unknown;

  constructor(code: string, message: string, cause?: unknown) {
    super(message);
    // Where classes are compiled to functions, super makes a plain Error.
    Object.setPrototypeOf(this, new.target.prototype);
    this.code = code;
    if (cause !== undefined) this.cause = cause;
  }
}

// define gives an object a property that is not enumerable.
export function define(object: object, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, writable: true, configurable: true });
}

// Consoles and error trackers show these names, and a minifier shortens that of the class.
define(SmartSocketError, 'name', 'SmartSocketError');
define(SmartSocketError.prototype, 'name', 'SmartSocketError');

/** messageOf returns what a thrown value says. */
export function messageOf(thrown: unknown): string {
  return (thrown as Error | undefined)?.message as string;
}

// invalidFormat, connectionLost and handshakeFailed make the errors that most places need.
export function invalidFormat(message: string, cause?: unknown): SmartSocketError {
  return new SmartSocketError(CODES.INVALID_FORMAT, message, cause);
}

export function connectionLost(message: string, cause?: unknown): SmartSocketError {
  return new SmartSocketError(CODES.CONNECTION_LOST, message, cause);
}

export function handshakeFailed(message: string, cause?: unknown): SmartSocketError {
  return new SmartSocketError(CODES.HANDSHAKE_FAILED, message, cause);
}

interface WireError {
  code?: unknown;
  message?: unknown;
  event?: unknown;
  retryAfter?: unknown;
  details?: unknown;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

// errorFromWire turns the payload of an ERROR message into a SmartSocketError, whatever the payload
// is.
export function errorFromWire(value: unknown): SmartSocketError {
  const v: WireError = value !== null && typeof value === 'object' ? value : {};
  const e: Mutable<SmartSocketError> = new SmartSocketError(
    typeof v.code === 'string' ? v.code : CODES.INVALID_FORMAT,
    typeof v.message === 'string' ? v.message : 'the server reported an error without a message');
  if (typeof v.event === 'string') e.event = v.event;
  if (typeof v.retryAfter === 'number') e.retryAfter = v.retryAfter;
  if (v.details !== undefined) e.details = v.details;
  return e;
}

// refusedUpgrade makes an error of the HTTP status with which a server refuses to open a WebSocket,
// if that has a code of its own. seconds is its Retry-After.
export function refusedUpgrade(status: number, seconds = ''): SmartSocketError | null {
  if (status !== 429 && status !== 503) return null;
  return errorFromWire({
    code: status === 429 ? CODES.THROTTLED : CODES.MAX_CONNECTIONS,
    message: (status === 429 ? 'throttled after failed authentications (HTTP 429, failureLimit)'
      : 'the server takes no more connections (HTTP 503)') +
      '; try again ' + (+seconds ? `in ${seconds} s` : 'later'),
    retryAfter: +seconds ? +seconds * 1000 : undefined,
  });
}

// errorToWire returns the payload of an ERROR message that answers a question. Codes of other
// errors are not ours to tell, because Node has ENOENT and the like, and neither are their details.
// Details that are no JSON are left out.
export function errorToWire(error: unknown): string {
  const e = error as WireError | null | undefined;
  const known = e && typeof e.code === 'string' &&
    (e instanceof SmartSocketError || /^ERR_[A-Z]+_\d+$/.test(e.code));
  const wire: WireError = {
    code: known && e.code || CODES.HANDLER_FAILED,
    message: e && typeof e.message === 'string' ? e.message : String(e),
  };
  try {
    if (known) wire.details = e.details;
    return JSON.stringify(wire);
  } catch {
    wire.details = undefined;
    return JSON.stringify(wire);
  }
}
