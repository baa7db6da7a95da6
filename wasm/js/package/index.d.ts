/**
 * SmartSocket's client for browsers, workers and Node.
 *
 * Type parameters: `In` maps the events that the server sends, `Out` those that the client sends, to their data or, for events
 * that are answered, to a function from data to answer: `{ move: Move; join: (room: string) => number }`. Both default to
 * "any event, any data, any answer".
 */

/** Codes of SmartSocketError; stable on the wire. */
export declare const CODES: {
  readonly REFUSED: 'ERR_CONN_001';
  readonly TIMEOUT: 'ERR_CONN_002';
  readonly HANDSHAKE_FAILED: 'ERR_CONN_003';
  readonly AUTH_FAILED: 'ERR_CONN_004';
  readonly MAX_CONNECTIONS: 'ERR_CONN_005';
  readonly CONNECTION_LOST: 'ERR_CONN_006';
  readonly THROTTLED: 'ERR_CONN_007';
  readonly INVALID_FORMAT: 'ERR_MSG_001';
  readonly DECOMPRESSION: 'ERR_MSG_002';
  readonly DECRYPTION: 'ERR_MSG_003';
  readonly TOO_LARGE: 'ERR_MSG_004';
  readonly INVALID_NAMESPACE: 'ERR_MSG_005';
  readonly RATE_LIMITED: 'ERR_RATE_001';
  readonly EVENT_RATE_LIMITED: 'ERR_RATE_002';
  readonly ACK_TIMEOUT: 'ERR_ACK_001';
  readonly ACK_INVALID: 'ERR_ACK_002';
  readonly ACK_UNKNOWN: 'ERR_ACK_003';
  readonly REJECTED: 'ERR_APP_001';
  readonly HANDLER_FAILED: 'ERR_APP_002';
  readonly NO_HANDLER: 'ERR_APP_003';
  readonly SHUTTING_DOWN: 'ERR_SRV_001';
};

/** Every error of this client. */
export declare class SmartSocketError extends Error {
  constructor(code: string, message: string, cause?: unknown);
  readonly name: 'SmartSocketError';
  /** One of CODES, one of the application ('SHOP_NO_GOLD'), or a code this client does not know yet. */
  readonly code: string;
  /** The event it is about, if any. */
  readonly event?: string;
  /** Milliseconds after which trying again makes sense. */
  readonly retryAfter?: number;
  /** What the server's program says about it, of any JSON type. On an error with an ERR_ code that answers a question it is sent. */
  details?: unknown;
  readonly cause?: unknown;
}

export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug' | 'trace';

export interface Logger {
  setLevel(level: LogLevel): void;
  enabled(level: LogLevel): boolean;
  error(text: string, detail?: unknown): void;
  warn(text: string, detail?: unknown): void;
  info(text: string, detail?: unknown): void;
  debug(text: string, detail?: unknown): void;
  trace(text: string, detail?: unknown): void;
}

/** The logger of every client that is given none; it starts at warn, or at debug when DEBUG (Node) or localStorage.debug holds smartsocket:*. */
export declare const logger: Logger;

/** A logger that writes to the console, or to sink. */
export declare function createLogger(sink?: (level: LogLevel, text: string, detail?: unknown) => void): Logger;

export interface Options {
  /** Namespace to join; overrides the URL's path. */
  namespace?: string;
  /** False: namespace may not be given, the URL's path alone counts. Default true. */
  enableNamespaces?: boolean;
  /** False: asking for an ack throws. Default true. */
  enableAcknowledgments?: boolean;
  /** False: errors are logged instead of raised as "error" events. Default true. */
  enableErrorHandling?: boolean;
  /**
   * Encrypt every message under keys derived from encryptionKey; a server that does not offer it is refused with ERR_CONN_004.
   * Default: whether encryptionKey is given. This complements wss: and does not replace it: what loads this script in clear can be changed on the way.
   */
  enableEncryption?: boolean;
  /** The server's key: base64 of 32 bytes. Who has it can read and imitate every connection that uses it. */
  encryptionKey?: string;
  /** Sent inside the handshake, never in the URL. */
  apiKey?: string;
  /** First delay before reconnecting, in milliseconds; grows by 1.5 to at most 30 s, times 0.5 to 1.5. Default 1000. */
  reconnectDelay?: number;
  /** 0 = never, -1 = without end. Attempts that a full server turned away are not counted. Default 10. */
  maxReconnectAttempts?: number;
  /** Default wait for an ack, in milliseconds. Default 30000. */
  ackTimeout?: number;
  /** Bounds connect(), loading the engine included, in milliseconds. Default 10000. */
  connectTimeout?: number;
  /**
   * Compress long messages, both ways, when the server does. The js engine loads flate.js for it while the connection is opened;
   * false spares a page on the js engine that download, and the server compresses nothing for it. Default true.
   */
  compression?: boolean;
  /** Keep events emitted without a connection for the next one; false: they fail. Default true. */
  offlineQueue?: boolean;
  /** Most events kept; the oldest are dropped and counted. Default 1000. */
  offlineQueueSize?: number;
  /** How long an event is kept, in milliseconds. Default 300000. */
  offlineQueueAge?: number;
  /**
   * Codec: "wasm" (fails where it cannot load), "js", or "auto" (js at once, wasm as soon as it is there). Default "auto"; in
   * @smartsocket/client/js, which has no wasm, "js".
   */
  engine?: 'auto' | 'wasm' | 'js';
  /** Where smartsocket.wasm lies, relative to the page; SmartSocketClient.js loads wasm_exec.js from the same directory. Default: beside the client. */
  wasmURL?: string;
  /** Receives the log lines instead of the shared logger. */
  logger?: Logger;
  /** WebSocket constructor. Default: the global one; in Node without one that of the package ws, if installed. */
  WebSocket?: unknown;
}

export interface Stats {
  connected: boolean;
  /** Milliseconds since the current connection was established. */
  uptime: number;
  messagesSent: number;
  messagesReceived: number;
  bytesSent: number;
  bytesReceived: number;
  /** Connections that replaced a lost one. */
  reconnects: number;
  /** Events in the offline queue. */
  queued: number;
  /** Events dropped from the offline queue. */
  dropped: number;
  pendingAcks: number;
  /** Answers that came for an ack nobody waits for, such as after its timeout. */
  unknownAcks: number;
  /** Messages from the server that made no sense. */
  invalidMessages: number;
  /** Round trip in milliseconds as the server measured it; 0 = not yet. */
  rtt: number;
  /** Milliseconds to add to Date.now() for the server's clock. */
  clockOffset: number;
  /** The codec in use; '' before the first connection. */
  engine: 'wasm' | 'js' | '';
  /** Whether the current connection is encrypted by SmartSocket itself. */
  encrypted: boolean;
}

/** Answers the server's request for an ack; does nothing if none was asked for, or from the second call on. */
export type Ack<Response = unknown> = (response?: Response, error?: { code?: string; message: string; details?: unknown } | null) => void;

/** Called exactly once: with the answer, or with undefined and an error. */
export type AckCallback<Response = unknown> = (response: Response, error?: SmartSocketError) => void;

export interface AckOptions {
  /** Milliseconds to wait for the answer instead of the option ackTimeout. */
  timeout?: number;
  /** Ends the wait: the promise rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** Why and how a connection ended. */
export interface Disconnection {
  /** WebSocket close code, 0 if none came. */
  code: number;
  reason: string;
  /** Whether the client tries to come back. */
  reconnects: boolean;
}

/** Sent by the server, once per window, when it drops events because of a rate limit. */
export interface RateLimited {
  message: string;
  retryAfter: number;
  code: string;
  event?: string;
}

/** Events the client itself raises. */
export interface LifecycleEvents {
  connected: () => void;
  disconnected: (reason: string, detail: Disconnection) => void;
  reconnecting: (attempt: number, delay: number) => void;
  /** recovered: no event of the server was lost but those it sends as volatile, state or with a deadline; otherwise fetch the state anew. */
  reconnected: (recovered: boolean) => void;
  error: (error: SmartSocketError) => void;
}

export type EventMap = Record<string, any>;

type IsAny<T> = 0 extends 1 & T ? true : false;
/** What travels with an event of this type in an event map. */
export type DataOf<T> = IsAny<T> extends true ? any : T extends () => any ? undefined : T extends (data: infer D) => any ? D : T;
/** What answers an event of this type in an event map. */
export type ResponseOf<T> = IsAny<T> extends true ? any : T extends (...args: any[]) => infer R ? Awaited<R> : unknown;

type Name<Events> = keyof Events & string;
type DataArgument<T> = undefined extends DataOf<T> ? [data?: DataOf<T>] : [data: DataOf<T>];
/** Events that may be sent without data. */
type NameWithoutData<Events> = { [E in Name<Events>]: undefined extends DataOf<Events[E]> ? E : never }[Name<Events>];

type ListenerName<In> = Name<In> | keyof LifecycleEvents | '__rate-limited__';
type Listener<In, E> = E extends keyof LifecycleEvents
  ? LifecycleEvents[E]
  : E extends '__rate-limited__'
    ? (info: RateLimited) => void
    : E extends keyof In
      ? (data: DataOf<In[E]>, ack: Ack<ResponseOf<In[E]>>) => void
      : never;

export declare class SmartSocketClient<In extends object = EventMap, Out extends object = EventMap> {
  /** url: ws:, wss:, http: or https:; in a page it may be relative. Throws TypeError for an unusable URL or option. */
  constructor(url: string, options?: Options);

  /**
   * Resolves after the handshake; rejects with a SmartSocketError and does not retry. Later on a lost connection calls connect() again by itself,
   * through this property, so that an application may wrap it.
   */
  connect(): Promise<void>;

  /** Ends the connection and all reconnecting. */
  disconnect(): void;

  readonly connected: boolean;
  /** The socket's id on the server; '' before the first connection. */
  readonly id: string;
  /** The option, for a wrapper of connect() that counts attempts. */
  readonly maxReconnectAttempts: number;
  /** For the application's own use. */
  data: Record<string, any>;

  /** JSON arrives parsed, binary as an ArrayBuffer of its own, no data as undefined. A listener that throws, or whose promise is rejected, is logged and fails its ack. */
  on<E extends ListenerName<In>>(event: E, listener: Listener<In, E>): this;
  once<E extends ListenerName<In>>(event: E, listener: Listener<In, E>): this;
  /** Without a listener: removes all of the event. */
  off<E extends ListenerName<In>>(event: E, listener?: Listener<In, E>): this;

  /**
   * Sends an event. data: ArrayBuffer or a view of one travels as bytes, undefined as no data, all else as JSON, in which
   * a buffer inside of an object is lost. Data that JSON cannot carry, a Blob or a Map for instance, throws.
   * The callback runs exactly once. Returns whether the event was handed to the connection or the offline queue. Where the
   * server keeps sessions, what a lost connection did not deliver is sent again when the session is recovered.
   */
  emit<E extends NameWithoutData<Out>>(event: E, callback: AckCallback<ResponseOf<Out[E]>>): boolean;
  emit<E extends Name<Out>>(event: E, ...rest: [...DataArgument<Out[E]>, callback?: AckCallback<ResponseOf<Out[E]>>]): boolean;
  /** The same as emit. */
  send: SmartSocketClient<In, Out>['emit'];

  /**
   * Sends an event and resolves with the answer; rejects with a SmartSocketError, or with the signal's reason. Where the server keeps
   * sessions a lost connection does not end the wait: a recovered session sends the event again, which the server handles once.
   */
  emitWithAck<E extends Name<Out>>(event: E, ...rest: [...DataArgument<Out[E]>, options?: AckOptions]): Promise<ResponseOf<Out[E]>>;

  getStats(): Stats;
}

export default SmartSocketClient;
