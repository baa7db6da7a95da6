// Constants of protocol version 1, shared by both engines and the shell.

export var HELLO = 1;
export var CONNECT = 2;
export var CONNECT_ACK = 3;
export var EVENT = 4;
export var ACK = 5;
export var ERROR = 6;
export var PING = 7;
export var PONG = 8;
export var GOAWAY = 9;
export var SEALED = 15;

export var FLAG_SEQ = 0x80;
export var FLAG_ACK = 0x40;
export var FLAG_BINARY = 0x20;
export var FLAG_DEFLATED = 0x10;

export var SUBPROTOCOL = 'smartsocket.v1';
export var VERSION = 1;
export var MAX_EVENT_NAME = 128;
export var TWO_32 = 4294967296;
export var MAX_TIMER = 0x7fffffff; // setTimeout does not wait at all if it is given more

// CONTROL finds the characters that an event name must not contain.
export var CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
