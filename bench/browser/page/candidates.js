// What is measured. A candidate turns what a WebSocket hands over into (event, data), and (event, data) into what a WebSocket
// takes. Binary data is an ArrayBuffer on both sides.

import { jsEngine } from '../../../wasm/js/src/engine-js.ts';
import { deflate, inflate } from '../../../wasm/js/src/flate.ts';
import { parts } from '../../../wasm/js/src/parts.ts';
import { encodeData } from '../../../wasm/js/src/payload.ts';
import { connect } from '../../../wasm/js/src/sealing.ts';
import { valueOf } from '../../../wasm/js/src/message.ts';
import { SmartSocketError } from '../../../wasm/js/src/errors.ts';
import { Decoder, Encoder, PacketType } from 'socket.io-parser';

const EVENT = 4, GCM = 1, LIMIT = 1 << 24;
const never = 0, always = 1; // thresholds of compression

parts.flate = { deflate, inflate };
parts.sealing = { connect };

export async function loadEngines() {
  const { start } = await import('/dist/wasm.js');
  return { wasm: await start(fetch('/dist/smartsocket.wasm'), SmartSocketError), js: jsEngine };
}

// plain is an engine of ours without encryption.
export function plain(engine, threshold = never) {
  return {
    decode(message, handler) {
      const m = engine.decode(new Uint8Array(message), LIMIT);
      handler(m.event, valueOf(m));
    },
    encode: (event, data) => engine.encode(EVENT, event, encodeData(data, event), 0, 0, false, threshold, LIMIT),
  };
}

export const deflated = (engine) => plain(engine, always);

// sealed is an engine of ours on a connection with AES-256-GCM, whose other end is the test's server.
export async function sealed(engine, key) {
  const hello = new Uint8Array(await (await fetch('/hello')).arrayBuffer());
  const fields = { random: crypto.getRandomValues(new Uint8Array(32)), namespace: '/', apiKey: '', sessionToken: new Uint8Array(0), lastSeq: 0, canInflate: true, client: 'bench' };
  const { connect: body, ends } = engine.encodeSealedConnect(fields, key, hello, GCM);
  const session = await (await fetch('/connect', { method: 'POST', body })).text();
  const inner = plain(engine);
  return {
    decode: (record, handler) => inner.decode(ends.open(new Uint8Array(record)), handler),
    encode: (event, data) => ends.seal(inner.encode(event, data)),
    // records fetches the next n messages of the connection; each can be opened once, in this order.
    async records(name, n) {
      const all = await (await fetch(`/records?session=${session}&case=${encodeURIComponent(name)}&n=${n}`)).arrayBuffer();
      const lengths = new DataView(all), list = [];
      for (let at = 0; at < all.byteLength;) {
        const length = lengths.getUint32(at);
        list.push(all.slice(at + 4, at + 4 + length));
        at += 4 + length;
      }
      return list;
    },
    // opened lets the server open a record.
    opened: async (record) => new Uint8Array(await (await fetch(`/open?session=${session}`, { method: 'POST', body: record })).arrayBuffer()),
  };
}

// json is the client that people write in ten lines; bytes have to become base64.
export const json = {
  decode(text, handler) {
    const m = JSON.parse(text);
    handler(m.event, m.base64 === undefined ? m.data : fromBase64(m.base64));
  },
  encode: (event, data) => JSON.stringify(data instanceof ArrayBuffer ? { event, base64: toBase64(data) } : { event, data }),
};

function fromBase64(s) {
  const binary = atob(s), bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes.buffer;
}

function toBase64(data) {
  const bytes = new Uint8Array(data);
  let binary = '';
  for (let i = 0; i < bytes.length; i += 8192) binary += String.fromCharCode.apply(null, bytes.subarray(i, i + 8192));
  return btoa(binary);
}

// socketIO is its parser alone, without Engine.IO below it. A message is a list of frames.
export function socketIO() {
  const encoder = new Encoder(), decoder = new Decoder();
  let handle;
  decoder.on('decoded', (packet) => handle(packet.data[0], packet.data[1]));
  return {
    decode(frames, handler) {
      handle = handler;
      for (let i = 0; i < frames.length; i++) decoder.add(frames[i]);
    },
    encode: (event, data) => encoder.encode({ type: PacketType.EVENT, nsp: '/', data: [event, data] }),
  };
}
