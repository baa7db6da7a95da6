// What getStats tells.

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
  /** Connections that replaced one before it was lost, because its server was about to stop. */
  moves: number;
  /** Events in the offline queue. */
  queued: number;
  /** Events that were dropped instead of being sent. */
  dropped: number;
  /** States that were not sent, because there was a newer one. */
  replaced: number;
  /** Bytes that the connection has not sent yet. */
  bufferedAmount: number;
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

// Counters are the part that grows; getStats adds the rest.
export type Counters = Omit<Stats, 'connected' | 'uptime' | 'queued' | 'pendingAcks' |
  'bufferedAmount' | 'rtt' | 'clockOffset' | 'engine' | 'encrypted'>;

export function newCounters(): Counters {
  return {
    messagesSent: 0,
    messagesReceived: 0,
    bytesSent: 0,
    bytesReceived: 0,
    reconnects: 0,
    moves: 0,
    dropped: 0,
    replaced: 0,
    unknownAcks: 0,
    invalidMessages: 0,
  };
}
