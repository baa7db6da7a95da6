// What the two engines have in common: the messages that they read and write.

// Bytes are never shared between threads, which Web APIs ask for.
export type Bytes = Uint8Array<ArrayBuffer>;

// Payload is JSON text, binary data, or undefined for no data.
export type Payload = string | Bytes | undefined;

export interface Hello {
  version: number;
  random: Bytes;
  algorithms: Bytes;
  authRequired: boolean;
  authEvent: boolean; // a new socket must authenticate by the event auth
  resumeSupported: boolean;
  maxMessageBytes: number;
  handshakeTimeout: number;
  rateLimit: number; // events that pass in any window; 0 = no limit, or not told
  rateWindow: number; // milliseconds
}

export interface ConnectAck {
  socketId: string;
  sessionToken: Bytes;
  recovered: boolean;
  heartbeatInterval: number;
  compressionThreshold: number;
  maxMessageBytes: number;
  serverTime: number;
  // One more than the number of events that the server got, or 0 if it does not tell.
  arrived: number;
}

export interface Goaway {
  deadline: number;
  reconnectWindow: number;
  url: string;
  move: boolean;
}

// Clock is what a PING and a PONG carry, in microseconds.
export interface ClockFields {
  serverTime: number;
  rtt: number;
  clientTime: number;
}

export interface ConnectFields {
  random: Bytes;
  namespace: string;
  apiKey: string;
  sessionToken: Bytes;
  lastSeq: number;
  canInflate: boolean;
  canMove: boolean;
  client: string;
}

export type Fields = Hello | ConnectAck | Goaway | ClockFields;

export interface Message {
  kind: number;
  flags: number;
  seq: number;
  ackLow: number;
  ackHigh: number;
  event: string;
  payload: string | ArrayBuffer | undefined;
  // What came as JSON text is parsed already.
  value?: unknown;
  // Of the kinds that carry no data.
  fields: Fields | null;
}

// Ends has the keys of an encrypted connection. seal and open must be called in the order of the
// wire.
export interface Ends {
  seal(message: Bytes): Bytes;
  open(record: Bytes): Bytes;
  close(): void;
}

export interface SealedConnect {
  connect: Bytes;
  ends: Ends;
}

// Engine is the codec. Between messages it has no state, except for the keys of encrypted
// connections. The bytes that it returns are owned by the caller.
export interface Engine {
  readonly name: 'wasm' | 'js';
  // decode throws SmartSocketError.
  decode(bytes: Bytes, limit: number): Message;
  // encode compresses a payload of more than threshold bytes if that makes it shorter, and refuses
  // one of more than limit bytes; 0 = no such limit.
  encode(kind: number, event: string, payload: Payload, ackLow: number, ackHigh: number,
    withAck: boolean, threshold: number, limit: number): Bytes;
  encodeConnect(fields: ConnectFields): Bytes;
  encodePong(fields: ClockFields): Bytes;
  // encodeSealedConnect takes the key in base64 and the bytes of HELLO.
  encodeSealedConnect(fields: ConnectFields, key: string, hello: Bytes,
    algorithm: number): SealedConnect;
}

// ackOf is the number of the ack that a message asks for or answers.
export function ackOf(m: Message): number {
  return m.ackHigh * 4294967296 + m.ackLow;
}
