// Link: one connection, from the opening of its WebSocket to its end, with the handshake, the clock
// and the codec. It never reconnects.
//
//   opening ──open──► greeting ──HELLO──► joining ──CONNECT_ACK──► ready
//      └──────────────────┴──────────────────┴───────────────────────┴──► ended

import { Clock } from './clock.js';
import { CLOSE_DECRYPT, CLOSE_LOST, explain } from './closing.js';
import type {
  Bytes, ClockFields, ConnectAck, ConnectFields, Ends, Engine, Hello, Message, Payload,
} from './codec.js';
import { canInflate, chooseEngine, forgetEngines, prepare } from './engine.js';
import type { LoadWasm } from './engine.js';
import {
  CODES, SmartSocketError, connectionLost, handshakeFailed, messageOf, refusedUpgrade,
} from './errors.js';
import type { Logger } from './logger.js';
import { errorOf, fromJSON } from './message.js';
import type { Settings } from './options.js';
import type { Session } from './session.js';
import type { Socket, SocketClass } from './socket.js';
import { shown } from './targets.js';
import { CLIENT } from './version.js';
import { Vigil } from './vigil.js';
import { CONNECT_ACK, ERROR, HELLO, PING, PONG, SUBPROTOCOL, VERSION } from './wire.js';

const DEFAULT_LIMIT = 16 * 1024 * 1024;
const GRACE = 500; // ms
const MAX_LIMIT = 0x7fffffff; // what the wasm engine takes
const ASK = new Uint8Array([PING, 0, 0, 0]); // a PING that tells no time

// Host is what differs between the builds. Either may be missing.
export interface Host {
  loadWasm?: LoadWasm;
  loadSocket?: () => Promise<SocketClass>;
}

export interface LinkConfig {
  _url: string;
  _options: Settings;
  _host: Host;
  // credentials resolves with the API key of this attempt, when the session to recover is known.
  _credentials(): Promise<string>;
  _session(): { _token: Bytes; _lastSeq: number };
  _log: Logger;
}

export interface LinkHooks {
  _ready(ack: ConnectAck): void;
  // message takes an EVENT, ACK, ERROR or GOAWAY.
  _message(m: Message): void;
  _invalid(error: SmartSocketError): void;
  // closed is called exactly once unless close() came first.
  _closed(error: SmartSocketError, code: number, reason: string, wasReady: boolean): void;
}

type Timer = ReturnType<typeof setTimeout> | undefined;
type Phase = 'opening' | 'greeting' | 'joining' | 'ready' | 'ended';

export class Link {
  _phase: Phase = 'opening';
  _socket: Socket | null = null;
  engine: Engine | null = null;
  // The keys, from CONNECT on. They stay in the engine that made them. Once they are set nothing
  // goes in clear.
  _ends: Ends | null = null;
  _moveTimer: Timer; // after GOAWAY
  _refusal: SmartSocketError | null = null; // the last ERROR before the server closes
  _hello: Hello | null = null;
  _before: Session | null = null; // its session, once another link has replaced it
  bytesSent = 0;
  bytesReceived = 0;
  readonly _clock = new Clock();
  #config: LinkConfig;
  #hooks: LinkHooks;
  #vigil: Vigil;
  #url: string; // as it is shown
  #apiKey = '';
  #timer: Timer;
  #prepared: Promise<unknown> | undefined;
  #hello: Bytes | null = null; // as it came
  #limit = DEFAULT_LIMIT;
  #threshold = 0; // above it payloads are compressed; 0 = never

  // A link starts at once.
  constructor(config: LinkConfig, hooks: LinkHooks) {
    this.#config = config;
    this.#hooks = hooks;
    const { _options: options, _host: host, _log: log } = config;
    const url = this.#url = shown(config._url), { connectTimeout } = options;
    this.#vigil = new Vigil(() => this.send(ASK), (time) => {
      this.end(connectionLost(`nothing was heard from the server for ${Math.round(time)} ms`));
    });
    this.#timer = setTimeout(() => {
      this.end(new SmartSocketError(CODES.TIMEOUT,
        `no connection to ${url} within ${connectTimeout} ms` + (this._socket
          ? '; check that the server runs'
          : '; check that the functions apiKey and auth return, and the engine loads')));
    }, connectTimeout);
    const engine = chooseEngine(options, host.loadWasm, log, (loaded) => {
      if (this._phase !== 'ended') this.engine = loaded;
    });
    Promise.all([socketClass(options, host), engine, config._credentials()]).then((found) => {
      this.#apiKey = found[2];
      this.#open(found[0], found[1]);
    }).catch((error) => this.#stop('the client could not start: ', error));
  }

  // unsent is the number of bytes that the WebSocket has not sent yet.
  _unsent(): number {
    return this._socket && this._socket.bufferedAmount || 0;
  }

  // probe asks an open connection for a sign of life, and ends it if none comes.
  _probe(): void {
    if (this._phase === 'ready') this.#vigil._probe();
  }

  // encode calls the engine with the limits of the server.
  encode(kind: number, event: string, payload: Payload, ackLow: number, ackHigh: number,
    withAck: boolean): Bytes {
    try {
      return this.engine!.encode(kind, event, payload, ackLow, ackHigh, withAck, this.#threshold,
        this.#limit);
    } catch (error) {
      throw this.#failed(error);
    }
  }

  // send hands an encoded message to the WebSocket, sealed if the connection is encrypted.
  send(bytes: Bytes): void {
    if (this._phase === 'ended') return;
    if (this._ends) {
      try {
        bytes = this._ends.seal(bytes);
      } catch (error) {
        throw this.#failed(error);
      }
    }
    this.#write(bytes);
  }

  // close ends the connection because the application wants it. hooks.closed is not called.
  close(): void {
    this.#detach(1000);
  }

  // end ends the connection and reports why. code and reason are those that the WebSocket told,
  // closeCode is the close code for the server.
  end(error: SmartSocketError, code = 0, reason = '', closeCode = CLOSE_LOST): void {
    if (this._phase === 'ended') return;
    const wasReady = this._phase === 'ready';
    this.#detach(closeCode);
    this.#hooks._closed(error, code, reason, wasReady);
  }

  #open(Class: SocketClass, engine: Engine): void {
    if (this._phase === 'ended') return;
    engine = this.engine = this.engine || engine; // the engine may have been swapped by now
    const { _url: url, _options: options, _log: log } = this.#config;
    this.#prepared = prepare(engine, options, log);
    this.#prepared.catch(() => {}); // greet reports the error
    let socket: Socket;
    try {
      socket = this._socket = new Class(url, [SUBPROTOCOL]);
    } catch (error) {
      const said = messageOf(error), secret = said.indexOf(url) >= 0;
      this.end(new SmartSocketError(CODES.REFUSED, 'no WebSocket could be opened: ' +
        said.split(url).join(this.#url), secret ? undefined : error));
      return;
    }
    let failure = '';
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => this.#opened(socket);
    socket.onmessage = (e) => this.#received(e.data);
    socket.onerror = (e) => {
      failure = e && e.message || failure;
      // In Node 22 no close event follows.
      if (this._phase === 'opening') setTimeout(() => this.#closed(1006, '', failure), 0);
    };
    socket.onclose = (e) => this.#closed(e.code, e.reason, failure);
    this.#hearRefusal(socket);
  }

  // hearRefusal asks a WebSocket of Node how the upgrade was answered. A browser does not tell, and
  // there the server refuses in the protocol.
  #hearRefusal(socket: Socket): void {
    if (!socket.on) return;
    socket.on('unexpected-response', (_request, response) => {
      const status = response.statusCode;
      this._refusal = refusedUpgrade(status, response.headers['retry-after']);
      this.#closed(1006, '', 'Unexpected server response: ' + status);
    });
  }

  // closed ends a connection that the server or the network closed.
  #closed(code: number, reason: string, failure: string): void {
    const phase = this._phase, refusal = this._refusal || undefined;
    this.end(phase !== 'ready' && refusal
      || explain(phase, this.#url, code, reason, failure, refusal), code, reason);
  }

  #opened(socket: Socket): void {
    this.#config._log.debug('WebSocket connection opened');
    if (socket.protocol !== SUBPROTOCOL) {
      this.end(handshakeFailed(`${this.#url} does not speak ${SUBPROTOCOL}`));
      return;
    }
    this._phase = 'greeting';
  }

  // received takes one WebSocket message.
  #received(data: string | ArrayBuffer): void {
    const text = typeof data === 'string';
    let bytes = text ? null : new Uint8Array(data), sealed = this._ends !== null, m: Message;
    this.#vigil._heard();
    this.bytesReceived += text ? data.length : data.byteLength;
    // A server that could not open our CONNECT has no keys to seal its refusal with.
    if (sealed && this._phase === 'joining' && bytes && bytes[0] === ERROR) sealed = false;
    try {
      if (sealed) bytes = this.#unseal(bytes);
      m = bytes ? this.engine!.decode(bytes, this.#limit) : fromJSON(data as string);
      if (m.kind === PONG) return; // a sign of life
      if (m.kind === PING) {
        this.#pong(m.fields as ClockFields);
        return;
      }
    } catch (error) {
      const unopened = error instanceof SmartSocketError && error.code === CODES.DECRYPTION;
      if (unopened) this.#distrust(error);
      else this.#undecodable(error);
      return;
    }
    if (m.kind === HELLO) this.#hello = bytes;
    if (this._phase === 'ready') this.#hooks._message(m);
    else this.#handshake(m);
  }

  // unseal opens what must be encrypted; text never is.
  #unseal(bytes: Bytes | null): Bytes {
    if (!bytes) {
      throw new SmartSocketError(CODES.DECRYPTION,
        'the server sent a message in clear on an encrypted connection');
    }
    return this._ends!.open(bytes);
  }

  // distrust ends a connection on which a message was not sealed with the key.
  #distrust(error: SmartSocketError): void {
    if (this._phase === 'ready') {
      this.#hooks._invalid(error);
    } else {
      error = new SmartSocketError(CODES.AUTH_FAILED,
        'the server did not prove that it has the encryption key', error);
    }
    this.end(error, 0, '', CLOSE_DECRYPT);
  }

  // undecodable reports a message that makes no sense. Any other error means that the engine has
  // failed, so the next connection gets a new one.
  #undecodable(error: unknown): void {
    const ready = this._phase === 'ready';
    if (!(error instanceof SmartSocketError)) {
      forgetEngines();
      this.end((ready ? connectionLost : handshakeFailed)(engineFailed(error), error));
    } else if (ready) {
      this.#hooks._invalid(error);
    } else {
      this.end(handshakeFailed('the handshake could not be decoded: ' + error.message, error));
    }
  }

  #handshake(m: Message): void {
    if (m.kind === ERROR) {
      this._refusal = errorOf(m);
    } else if (m.kind === HELLO && this._phase === 'greeting') {
      this.#greet(m.fields as Hello);
    } else if (m.kind === CONNECT_ACK && this._phase === 'joining') {
      this.#welcome(m.fields as ConnectAck);
    } else {
      this.end(handshakeFailed(
        `the server sent a message of kind ${m.kind} in the middle of the handshake`));
    }
  }

  #welcome(ack: ConnectAck): void {
    this.#config._log.debug('Received CONNECT_ACK');
    this._phase = 'ready';
    this._refusal = null;
    clearTimeout(this.#timer);
    this.#setLimit(ack.maxMessageBytes);
    if (this.#config._options.compression) {
      this.#threshold = Math.min(ack.compressionThreshold, MAX_LIMIT);
    }
    this.#vigil._begin(ack.heartbeatInterval);
    this.#hooks._ready(ack);
  }

  // greet answers HELLO with CONNECT.
  #greet(hello: Hello): void {
    const key = keyOf(this.#config._options), random = new Uint8Array(32);
    this._hello = hello;
    if (hello.version !== VERSION) {
      this.end(handshakeFailed(`the server speaks version ${hello.version} of the protocol, ` +
        `this client version ${VERSION}`));
      return;
    }
    const algorithm = [].filter.call(hello.algorithms, (a) => a === 1 || a === 2)[0] || 0;
    const mismatch = encryptionMismatch(key, algorithm, hello);
    if (mismatch) {
      this.end(new SmartSocketError(CODES.AUTH_FAILED, mismatch));
      return;
    }
    this.#setLimit(hello.maxMessageBytes);
    if (typeof crypto === 'object' && crypto.getRandomValues) crypto.getRandomValues(random);
    else if (key) {
      this.end(handshakeFailed(
        'there is no crypto.getRandomValues here, which encryption needs'));
      return;
    }
    this._phase = 'joining';
    this.#prepared!.then(() => this.#join(hello, algorithm, random))
      .catch((error) => this.#stop('CONNECT could not be sent: ', error));
  }

  // join sends CONNECT, sealed when there is a key.
  #join(hello: Hello, algorithm: number, random: Bytes): void {
    if (this._phase !== 'joining') return;
    const { _options: options, _log: log } = this.#config, engine = this.engine!;
    const { _token: token, _lastSeq: lastSeq } = this.#config._session();
    log.debug('Sending CONNECT message');
    const connect: ConnectFields = {
      random,
      namespace: options.namespace || '',
      apiKey: this.#apiKey,
      sessionToken: hello.resumeSupported ? token : new Uint8Array(0),
      lastSeq: hello.resumeSupported ? lastSeq : 0,
      canInflate: canInflate(engine, options),
      canMove: options.maxReconnectAttempts !== 0,
      client: CLIENT,
    };
    const key = keyOf(options);
    if (!key) {
      this.send(engine.encodeConnect(connect));
      return;
    }
    const sealed = engine.encodeSealedConnect(connect, key, this.#hello!, algorithm);
    this.#write(sealed.connect);
    this._ends = sealed.ends;
  }

  #setLimit(maxMessageBytes: number): void {
    if (maxMessageBytes > 0) this.#limit = Math.min(maxMessageBytes, MAX_LIMIT);
  }

  #pong(ping: ClockFields): void {
    const now = Date.now();
    this._clock._note(ping, now);
    this.send(this.engine!.encodePong(
      { serverTime: ping.serverTime, rtt: ping.rtt, clientTime: now * 1000 }));
  }

  // stop ends an attempt that met an error.
  #stop(what: string, error: unknown): void {
    this.end(error instanceof SmartSocketError ? error
      : handshakeFailed(what + messageOf(error), error));
  }

  // failed returns the error to throw for an error of the engine. If that is not a
  // SmartSocketError, the engine has failed, and failed ends the connection.
  #failed(error: unknown): SmartSocketError {
    if (error instanceof SmartSocketError) return error;
    this.#undecodable(error);
    return connectionLost(engineFailed(error), error);
  }

  #write(bytes: Bytes): void {
    this.bytesSent += bytes.length;
    this._socket!.send(bytes);
  }

  #detach(code: number): void {
    const socket = this._socket;
    this._phase = 'ended';
    clearTimeout(this.#timer);
    clearTimeout(this._moveTimer);
    this.#vigil._end();
    if (this._ends) this._ends.close();
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.onerror = () => {}; // a WebSocket that is closed while it connects raises an error
    try {
      socket.close(code);
    } catch (e) {
      this.#config._log.debug('closing the WebSocket failed: ' + messageOf(e));
    }
    if (socket.terminate) endSoon(socket);
  }
}

// endSoon ends a closing WebSocket of Node when the other side does not answer and takes nothing
// more. Otherwise it would keep the program alive for half a minute.
function endSoon(socket: Socket): void {
  let timer: Timer, left = Infinity;
  const look = (): void => {
    const unsent = socket.bufferedAmount;
    if (unsent > 0 && unsent < left) timer = setTimeout(look, GRACE);
    else socket.terminate!();
    left = unsent;
  };
  timer = setTimeout(look, GRACE);
  socket.onclose = () => clearTimeout(timer);
}

function engineFailed(error: unknown): string {
  return 'the codec engine failed: ' + messageOf(error);
}

// socketClass resolves with the constructor of WebSockets.
function socketClass(options: Settings, host: Host): Promise<SocketClass> {
  if (!options.WebSocket && host.loadSocket) return host.loadSocket();
  const given = options.WebSocket || typeof WebSocket === 'function' && WebSocket;
  if (given) return Promise.resolve(given as SocketClass);
  return Promise.reject(new Error('there is no WebSocket here; pass one as option WebSocket'));
}

// keyOf returns the key in base64, if messages are to be encrypted.
function keyOf(options: Settings): string | undefined {
  return options.enableEncryption ? options.encryptionKey : undefined;
}

// encryptionMismatch says what the two sides do not agree on, or ''.
function encryptionMismatch(key: string | undefined, algorithm: number, hello: Hello): string {
  if (!key) {
    return hello.algorithms.length > 0
      ? 'the server requires encryption: set enableEncryption and encryptionKey' : '';
  }
  return algorithm && hello.random.length === 32 ? ''
    : 'the server offers no encryption that this client knows, and nothing was sent in clear: ' +
      'give the server a key, or take enableEncryption away';
}
