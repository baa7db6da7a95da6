// The options of SmartSocketClient: defaults and checks. An unknown or unusable option is an error
// and never ignored.

import { decodeKey } from './key.js';
import type { Logger } from './logger.js';
import type { Given } from './credentials.js';
import { MAX_TIMER } from './wire.js';

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
   * Encrypt every message under keys derived from encryptionKey; a server that does not offer it
   * is refused with ERR_CONN_004. Default: whether encryptionKey is given. This complements wss:
   * and does not replace it: what loads this script in clear can be changed on the way.
   */
  enableEncryption?: boolean;
  /**
   * The server's key: base64 of 32 bytes. Who has it can read and imitate every connection that
   * uses it.
   */
  encryptionKey?: string;
  /**
   * Sent inside the handshake, never in the URL: a string, or a function that returns one or a
   * promise of one, such as a token that lives for minutes. It is called for every attempt to
   * connect. If it fails, the attempt fails with ERR_CONN_001 and is made again like any other; a
   * SmartSocketError with the code ERR_CONN_004 ends the attempts.
   */
  apiKey?: Given<string | undefined>;
  /**
   * What the event auth carries, by which a socket authenticates: a value, or a function like that
   * of apiKey. It is sent in each new session, before what was queued. When the server says that
   * the credentials of a live connection will expire, the function, or else that of apiKey, is
   * called again, and the event sent anew.
   */
  auth?: unknown;
  /**
   * Further addresses of the same service, as secure as the first one. connect() tries each once,
   * a client that has lost its connection tries them in turn. One without a path has that of the
   * first one, and its query, unless there is a namespace.
   */
  urls?: readonly string[];
  /**
   * First delay before reconnecting, in milliseconds; grows by 1.5 to at most 30 s, times 0.5 to
   * 1.5. Less than 5 counts as 5. Default 1000.
   */
  reconnectDelay?: number;
  /**
   * 0 = never, -1 = without end. Attempts that a full server turned away are not counted. Default
   * 10.
   */
  maxReconnectAttempts?: number;
  /**
   * True: a first connect() that fails is made again too, like any lost connection. Default false.
   */
  retryConnect?: boolean;
  /**
   * True: the session outlives a reload of the page, if URL, namespace, encryptionKey and the
   * values of apiKey and auth are the same, where the server keeps sessions. A string says instead
   * of the last two whose session it is, such as the id of the user. recovered tells. Default
   * false.
   */
  keepSession?: boolean | string;
  /** Default wait for an ack, in milliseconds. Default 30000. */
  ackTimeout?: number;
  /** Bounds connect(), loading the engine included, in milliseconds. Default 10000. */
  connectTimeout?: number;
  /**
   * Compress long messages, both ways, when the server does. The js engine loads flate.js for it
   * while the connection is opened; false spares a page on the js engine that download, and the
   * server compresses nothing for it. Default true.
   */
  compression?: boolean;
  /** Keep events emitted without a connection for the next one; false: they fail. Default true. */
  offlineQueue?: boolean;
  /** Most events kept; the oldest are dropped and counted. Default 1000. */
  offlineQueueSize?: number;
  /** How long an event is kept, in milliseconds. Default 300000. */
  offlineQueueAge?: number;
  /**
   * Above this number of unsent bytes emit returns false, volatile events are dropped and other
   * events that may be lost are held. The event "drain" tells when there is room again. Default
   * 1048576.
   */
  highWaterMark?: number;
  /**
   * Codec: "wasm" (fails where it cannot load), "js", or "auto" (js at once, wasm as soon as it is
   * there). Default "auto"; in @smartsocket/client/js, which has no wasm, "js".
   */
  engine?: 'auto' | 'wasm' | 'js';
  /**
   * Where smartsocket.wasm lies, relative to the page; SmartSocketClient.js loads wasm_exec.js
   * from the same directory. Default: beside the client.
   */
  wasmURL?: string;
  /** Receives the log lines instead of the shared logger. */
  logger?: Logger;
  /**
   * WebSocket constructor. Default: the global one; in Node without one that of the package ws,
   * if installed.
   */
  WebSocket?: unknown;
}

// Settings are options with their defaults.
export interface Settings extends Required<Omit<Options, 'namespace' | 'encryptionKey' | 'apiKey' |
  'wasmURL' | 'logger'>>, Pick<Options, 'namespace' | 'encryptionKey' | 'apiKey' | 'wasmURL' |
  'logger'> {}

// DEFAULTS of the options that must be a number of at least the second value, or true or false. Of
// the others it is nothing, or the pattern of the types that they may have.
const DEFAULTS: Record<keyof Options, [number, number] | boolean | RegExp | undefined> = {
  namespace: /undefined|string/,
  enableNamespaces: true,
  enableAcknowledgments: true,
  enableErrorHandling: true,
  enableEncryption: false,
  encryptionKey: /undefined|string/,
  apiKey: /undefined|string|function/,
  auth: undefined,
  urls: undefined,
  reconnectDelay: [1000, 0],
  maxReconnectAttempts: [10, -1],
  retryConnect: false,
  keepSession: /undefined|string|boolean/,
  ackTimeout: [30000, 1],
  connectTimeout: [10000, 1],
  compression: true,
  offlineQueue: true,
  offlineQueueSize: [1000, 0],
  offlineQueueAge: [300000, 0],
  highWaterMark: [1048576, 0],
  engine: undefined,
  wasmURL: /undefined|string/,
  logger: undefined,
  WebSocket: undefined,
};

function check(right: unknown, name: string, is: string): void {
  if (!right) throw new TypeError(`option ${name} ${is}`);
}

export function readOptions(given: Options | undefined, hasWasm: boolean): Settings {
  const read: Record<string, unknown> = { urls: [] };
  Object.keys(given || {}).forEach((name) => {
    if (!Object.prototype.hasOwnProperty.call(DEFAULTS, name)) {
      throw new TypeError(`unknown option "${name}"`);
    }
    const value = (given as Record<string, unknown>)[name];
    if (value !== undefined) read[name] = value;
  });
  for (const name in DEFAULTS) read[name] = readOption(name, read[name]);
  check(Array.isArray(read.urls), 'urls', 'must be a list');
  const options = read as unknown as Settings;
  checkEncryption(options, given);
  checkEngine(options, hasWasm);
  if (options.namespace !== undefined) {
    check(options.enableNamespaces, 'namespace', 'needs enableNamespaces');
    options.namespace = cleanNamespace(options.namespace);
  }
  return options;
}

function checkEncryption(options: Settings, given: Options | undefined): void {
  const key = options.encryptionKey;
  if (given && given.enableEncryption === undefined) options.enableEncryption = key !== undefined;
  check(!options.enableEncryption || key !== undefined, 'enableEncryption', 'needs encryptionKey');
  if (key !== undefined) decodeKey(key);
  // Printed objects must not show the secrets.
  for (const name of ['apiKey', 'auth', 'encryptionKey']) {
    Object.defineProperty(options, name, { enumerable: false });
  }
}

function checkEngine(options: Settings, hasWasm: boolean): void {
  if (!options.engine) options.engine = hasWasm ? 'auto' : 'js';
  check(['auto', 'wasm', 'js'].indexOf(options.engine) >= 0, 'engine',
    'must be "auto", "wasm" or "js"');
  if (options.engine === 'wasm' && !hasWasm) {
    throw new TypeError(
      'this client has the js engine alone; import "@smartsocket/client" for wasm');
  }
}

function readOption(name: string, given: unknown): unknown {
  const usual = DEFAULTS[name as keyof Options];
  if (usual instanceof RegExp) {
    check(usual.test(typeof given), name, 'must be of type ' + usual.source);
  } else if (typeof usual === 'boolean') {
    if (given === undefined) return usual;
    check(typeof given === 'boolean', name, 'must be true or false');
  } else if (usual) {
    const [value, least] = usual, n = given === undefined ? value : given;
    check(typeof n === 'number' && n >= least, name, 'must be a number of at least ' + least);
    return Math.min(n as number, MAX_TIMER);
  }
  return given;
}

// cleanNamespace adds the leading slash and trims trailing ones, as the server does.
export function cleanNamespace(path: string): string {
  let clean = path.charAt(0) === '/' ? path : '/' + path;
  while (clean.length > 1 && clean.charAt(clean.length - 1) === '/') clean = clean.slice(0, -1);
  return clean;
}
