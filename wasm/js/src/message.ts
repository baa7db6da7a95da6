// What messages say: the user's data, errors, and the encoding as JSON text.

import { isEventName } from './bytes.js';
import type { Message } from './codec.js';
import type { SmartSocketError } from './errors.js';
import { errorFromWire, invalidFormat } from './errors.js';
import { ACK, ERROR, EVENT, FLAG_ACK, TWO_32 } from './wire.js';

// valueOf returns the user's data of a message: parsed JSON, an ArrayBuffer, or undefined.
export function valueOf(m: Message): unknown {
  if (typeof m.payload === 'string') return JSON.parse(m.payload);
  return m.payload !== undefined ? m.payload : m.value;
}

// errorOf makes an error of an ERROR message, even of one that makes no sense.
export function errorOf(m: Message): SmartSocketError {
  let value;
  try {
    value = valueOf(m);
  } catch {
    value = null;
  }
  return errorFromWire(value);
}

interface Envelope {
  event?: unknown;
  data?: unknown;
  ack?: number;
  error?: unknown;
}

// fromJSON reads the JSON encoding: {"event","data","ack"}, {"ack","data"}, {"ack","error"} or
// {"error"}. It does not notice some things that Go's codec refuses, because JSON.parse hides them:
// repeated keys, deep nesting and the spelling of numbers.
export function fromJSON(text: string): Message {
  let v: Envelope;
  try {
    v = JSON.parse(text);
  } catch {
    throw notAMessage();
  }
  if (!isObject(v)) throw notAMessage();
  const { event, data, error, ack = 0 } = v;
  const hasAck = v.ack !== undefined, hasEvent = event !== undefined;
  const hasError = error !== undefined;
  if (!(Number.isSafeInteger(ack) && ack >= 0)) throw notAMessage();
  if (hasEvent ? hasError || !isEventName(event)
    : hasError ? data !== undefined || !isObject(error) : !hasAck) {
    throw notAMessage();
  }
  return {
    kind: hasEvent ? EVENT : hasError ? ERROR : ACK,
    flags: hasAck ? FLAG_ACK : 0,
    seq: 0,
    ackLow: ack % TWO_32,
    ackHigh: Math.floor(ack / TWO_32),
    event: hasEvent ? event as string : '',
    payload: undefined,
    value: hasError ? error : data,
    fields: null,
  };
}

function isObject(v: unknown): boolean {
  return v !== null && typeof v === 'object' && !Array.isArray(v);
}

function notAMessage(): SmartSocketError {
  return invalidFormat('a text message is not an event, an ack or an error in JSON');
}
