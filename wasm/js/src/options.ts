// The options of SmartSocketClient: defaults and checks. An unknown or unusable option is an error
// and never ignored.

import { decodeKey } from './key.js';
import type { Logger } from './logger.js';
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
  /** Sent inside the handshake, never in the URL. */
  apiKey?: string;
  /**
   * First delay before reconnecting, in milliseconds; grows by 1.5 to at most 30 s, times 0.5 to
   * 1.5. Default 1000.
   */
  reconnectDelay?: number;
  /**
   * 0 = never, -1 = without end. Attempts that a full server turned away are not counted. Default
   * 10.
   */
  maxReconnectAttempts?: number;
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

const DEFAULTS: Record<string, unknown> = {
  namespace: undefined,
  enableNamespaces: true,
  enableAcknowledgments: true,
  enableErrorHandling: true,
  enableEncryption: false,
  encryptionKey: undefined,
  apiKey: undefined,
  reconnectDelay: 1000,
  maxReconnectAttempts: 10,
  ackTimeout: 30000,
  connectTimeout: 10000,
  compression: true,
  offlineQueue: true,
  offlineQueueSize: 1000,
  offlineQueueAge: 300000,
  engine: undefined,
  wasmURL: undefined,
  logger: undefined,
  WebSocket: undefined,
} satisfies Record<keyof Options, unknown>;

// MINIMUM of each numeric option.
const MINIMUM: Record<string, number> = {
  reconnectDelay: 0,
  maxReconnectAttempts: -1,
  ackTimeout: 1,
  connectTimeout: 1,
  offlineQueueSize: 0,
  offlineQueueAge: 0,
};

function check(right: unknown, name: string, is: string): void {
  if (!right) throw new TypeError(`option ${name} ${is}`);
}

export function readOptions(given: Options | undefined, hasWasm: boolean): Settings {
  const read: Record<string, unknown> = {};
  for (const name in DEFAULTS) read[name] = DEFAULTS[name];
  Object.keys(given || {}).forEach((name) => {
    if (!Object.prototype.hasOwnProperty.call(DEFAULTS, name)) {
      throw new TypeError(`unknown option "${name}"`);
    }
    const value = (given as Record<string, unknown>)[name];
    if (value !== undefined) read[name] = value;
  });
  for (const name in DEFAULTS) {
    const kind = typeof DEFAULTS[name];
    if (kind === 'boolean') check(typeof read[name] === kind, name, 'must be true or false');
    if (kind === 'number') read[name] = checkNumber(name, read[name]);
  }
  for (const name of ['namespace', 'apiKey', 'encryptionKey', 'wasmURL']) {
    const kind = typeof read[name];
    check(kind === 'undefined' || kind === 'string', name, 'must be a string');
  }
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
  for (const name of ['apiKey', 'encryptionKey']) {
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

function checkNumber(name: string, n: unknown): number {
  const least = MINIMUM[name];
  check(typeof n === 'number' && n >= least, name, 'must be a number of at least ' + least);
  return Math.min(n as number, MAX_TIMER);
}

// cleanNamespace adds the leading slash and trims trailing ones, as the server does.
export function cleanNamespace(path: string): string {
  let clean = path.charAt(0) === '/' ? path : '/' + path;
  while (clean.length > 1 && clean.charAt(clean.length - 1) === '/') clean = clean.slice(0, -1);
  return clean;
}

// socketURL returns a ws: or wss: URL. It converts http: and https:, and resolves a relative URL
// against the page's.
export function socketURL(url: string): string {
  const inPage = typeof location === 'object' && /^(https?|wss?):/.test(location.href);
  let parsed: URL;
  try {
    parsed = inPage ? new URL(url === undefined ? '/' : url, location.href) : new URL(url);
  } catch {
    throw new TypeError(`"${url}" is not a URL; expected something like ws://localhost:3000`);
  }
  if (parsed.protocol === 'http:') parsed.protocol = 'ws:';
  if (parsed.protocol === 'https:') parsed.protocol = 'wss:';
  if (parsed.protocol !== 'ws:' && parsed.protocol !== 'wss:') {
    throw new TypeError(`"${url}" must begin with ws:// or wss://`);
  }
  parsed.hash = '';
  return parsed.href;
}
