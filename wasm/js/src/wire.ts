// Constants of protocol version 1, shared by both engines and the shell.

export const HELLO = 1;
export const CONNECT = 2;
export const CONNECT_ACK = 3;
export const EVENT = 4;
export const ACK = 5;
export const ERROR = 6;
export const PING = 7;
export const PONG = 8;
export const GOAWAY = 9;
export const SEALED = 15;

export const FLAG_SEQ = 0x80;
export const FLAG_ACK = 0x40;
export const FLAG_BINARY = 0x20;
export const FLAG_DEFLATED = 0x10;

export const SUBPROTOCOL = 'smartsocket.v1';
export const VERSION = 1;
export const MAX_EVENT_NAME = 128;
export const TWO_32 = 4294967296;
export const MAX_TIMER = 0x7fffffff; // setTimeout does not wait at all if it is given more

// AUTH is the event by which a socket authenticates. Its data is never logged.
export const AUTH = 'auth';

// CONTROL finds the characters that an event name must not contain.
export const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
