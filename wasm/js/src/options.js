// The options of SmartSocketClient: defaults and checks. An unknown or unusable option is an error
// and never ignored.

import { decodeKey } from './key.js';
import { MAX_TIMER } from './wire.js';

var DEFAULTS = {
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
  WebSocket: undefined
};

// MINIMUM of each numeric option.
var MINIMUM = { reconnectDelay: 0, maxReconnectAttempts: -1, ackTimeout: 1, connectTimeout: 1, offlineQueueSize: 0, offlineQueueAge: 0 };

export function readOptions(given, hasWasm) {
  var options = {}, name;
  for (name in DEFAULTS) options[name] = DEFAULTS[name];
  Object.keys(given || {}).forEach(function (key) {
    if (!Object.prototype.hasOwnProperty.call(DEFAULTS, key)) throw new TypeError('unknown option "' + key + '"');
    if (given[key] !== undefined) options[key] = given[key];
  });
  for (name in DEFAULTS) {
    if (typeof DEFAULTS[name] === 'boolean' && typeof options[name] !== 'boolean') throw new TypeError('option ' + name + ' must be true or false');
    if (typeof DEFAULTS[name] === 'number') options[name] = checkNumber(name, options[name]);
  }
  ['namespace', 'apiKey', 'encryptionKey', 'wasmURL'].forEach(function (key) {
    if (options[key] !== undefined && typeof options[key] !== 'string') throw new TypeError('option ' + key + ' must be a string');
  });
  if (given && given.enableEncryption === undefined) options.enableEncryption = options.encryptionKey !== undefined;
  if (options.enableEncryption && options.encryptionKey === undefined) throw new TypeError('option enableEncryption needs encryptionKey');
  if (options.encryptionKey !== undefined) decodeKey(options.encryptionKey);
  // Printed objects must not show the secrets.
  ['apiKey', 'encryptionKey'].forEach(function (key) { Object.defineProperty(options, key, { enumerable: false }); });
  if (!options.engine) options.engine = hasWasm ? 'auto' : 'js';
  if (options.engine !== 'auto' && options.engine !== 'wasm' && options.engine !== 'js') {
    throw new TypeError('option engine must be "auto", "wasm" or "js"');
  }
  if (options.engine === 'wasm' && !hasWasm) throw new TypeError('this client has the js engine alone; import "@smartsocket/client" for wasm');
  if (options.namespace !== undefined && !options.enableNamespaces) {
    throw new TypeError('option namespace needs enableNamespaces');
  }
  if (options.namespace !== undefined) options.namespace = cleanNamespace(options.namespace);
  return options;
}

function checkNumber(name, n) {
  if (typeof n !== 'number' || !(n >= MINIMUM[name])) throw new TypeError('option ' + name + ' must be a number of at least ' + MINIMUM[name]);
  return Math.min(n, MAX_TIMER);
}

// cleanNamespace adds the leading slash and trims trailing ones, as the server does.
export function cleanNamespace(path) {
  var clean = path.charAt(0) === '/' ? path : '/' + path;
  while (clean.length > 1 && clean.charAt(clean.length - 1) === '/') clean = clean.slice(0, -1);
  return clean;
}

// socketURL returns a ws: or wss: URL. It converts http: and https:, and resolves a relative URL
// against the page's.
export function socketURL(url) {
  var base = typeof location === 'object' && /^(https?|wss?):/.test(location.href) ? location.href : undefined;
  var parsed;
  try {
    parsed = base === undefined ? new URL(url) : new URL(url === undefined ? '/' : url, base);
  } catch (e) {
    throw new TypeError('"' + url + '" is not a URL; expected something like ws://localhost:3000');
  }
  if (parsed.protocol === 'http:') parsed.protocol = 'ws:';
  if (parsed.protocol === 'https:') parsed.protocol = 'wss:';
  if (parsed.protocol !== 'ws:' && parsed.protocol !== 'wss:') throw new TypeError('"' + url + '" must begin with ws:// or wss://');
  parsed.hash = '';
  return parsed.href;
}
