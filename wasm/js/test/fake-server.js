// A server that speaks just enough of the wire, written independently of both engines, to misbehave
// on demand.

import { once } from 'node:events';
import { WebSocketServer } from 'ws';

export const HELLO = 1, CONNECT = 2, CONNECT_ACK = 3, EVENT = 4, ACK = 5, ERROR = 6, PING = 7, PONG = 8, GOAWAY = 9;

export function uvarint(n) {
  const out = [];
  let v = BigInt(n);
  while (v > 0x7fn) { out.push(Number(v & 0x7fn) | 0x80); v >>= 7n; }
  out.push(Number(v));
  return Buffer.from(out);
}

export function readUvarint(b, at) {
  let v = 0n, shift = 0n, byte;
  do { byte = b[at++]; v |= BigInt(byte & 0x7f) << shift; shift += 7n; } while (byte & 0x80);
  return [v, at];
}

export function record(kind, fields) {
  const parts = [Buffer.from([kind])];
  for (const [id, value] of fields) {
    const bytes = typeof value === 'number' || typeof value === 'bigint' ? uvarint(value) : Buffer.from(value);
    parts.push(uvarint(id), uvarint(bytes.length), bytes);
  }
  return Buffer.concat(parts);
}

export function event(name, payload = '', { ack, seq, binary = false } = {}) {
  const n = Buffer.from(name);
  const flags = (seq !== undefined ? 0x80 : 0) | (ack !== undefined ? 0x40 : 0) | (binary ? 0x20 : 0);
  return Buffer.concat([Buffer.from([EVENT | flags]), seq !== undefined ? uvarint(seq) : Buffer.alloc(0), ack !== undefined ? uvarint(ack) : Buffer.alloc(0), uvarint(n.length), n, Buffer.from(payload)]);
}

export function ackOf(id, payload = '', binary = false) {
  return Buffer.concat([Buffer.from([ACK | 0x40 | (binary ? 0x20 : 0)]), uvarint(id), Buffer.from(payload)]);
}

export function error(code, message, id, extra = {}) {
  return Buffer.concat([Buffer.from([ERROR | (id !== undefined ? 0x40 : 0)]), id !== undefined ? uvarint(id) : Buffer.alloc(0), Buffer.from(JSON.stringify({ code, message, ...extra }))]);
}

// parse reads what a client sends.
export function parse(b) {
  const m = { kind: b[0] & 15, flags: b[0] & 0xf0 };
  let at = 1, n;
  if (m.kind === CONNECT) {
    m.fields = new Map();
    while (at < b.length) {
      const [id, a] = readUvarint(b, at);
      const [length, from] = readUvarint(b, a);
      at = from + Number(length);
      m.fields.set(Number(id), b.subarray(from, at));
    }
    return m;
  }
  if (m.kind === PING || m.kind === PONG) {
    m.numbers = [];
    while (at < b.length) { [n, at] = readUvarint(b, at); m.numbers.push(n); }
    return m;
  }
  if (m.flags & 0x40) [m.ack, at] = readUvarint(b, at);
  if (m.kind === EVENT) {
    [n, at] = readUvarint(b, at);
    m.event = b.subarray(at, at + Number(n)).toString();
    at += Number(n);
  }
  m.payload = b.subarray(at);
  m.text = m.payload.toString();
  return m;
}

// startServer listens on a free port of 127.0.0.1. behaviour.connection(peer) runs for each
// WebSocket, after the handshake unless behaviour.handshake is false; behaviour.message(peer, m)
// for each message after CONNECT.
export async function startServer(behaviour = {}, port = 0) {
  const wss = new WebSocketServer({ port, host: '127.0.0.1', handleProtocols: behaviour.handleProtocols ?? ((p) => (p.has('smartsocket.v1') ? 'smartsocket.v1' : false)) });
  const server = { wss, peers: [], connects: [], behaviour };
  await once(wss, 'listening');
  server.port = wss.address().port;
  server.url = `ws://127.0.0.1:${server.port}`;
  server.close = () => new Promise((resolve) => { for (const c of wss.clients) c.terminate(); wss.close(resolve); });
  wss.on('connection', (socket, request) => {
    const peer = { socket, request, number: server.peers.length, messages: [], send: (b) => socket.send(b) };
    server.peers.push(peer);
    socket.on('error', () => {});
    if (behaviour.handshake === false) { behaviour.connection?.(peer); return; }
    socket.send(record(HELLO, [[1, 1], [2, Buffer.alloc(32, 7)], [5, behaviour.bits ?? 2], [6, behaviour.maxMessageBytes ?? 1 << 20], [7, 5000], [99, 'a field of the future'], ...(behaviour.hello ?? [])]));
    socket.on('message', (data) => {
      const m = parse(data);
      if (m.kind === CONNECT) {
        server.connects.push(m.fields);
        const recovered = behaviour.recover && m.fields.has(12) ? 1 : 0;
        peer.accept = () => socket.send(record(CONNECT_ACK, [[1, 's_' + peer.number], [2, behaviour.token ?? Buffer.alloc(32, 1 + peer.number)], [3, recovered], [4, behaviour.heartbeat ?? 0], [6, behaviour.maxMessageBytes ?? 1 << 20], [7, 1700000000000000n], ...(recovered && behaviour.received !== undefined ? [[8, behaviour.received + 1]] : [])]));
        if (behaviour.refuse) { behaviour.refuse(peer); return; }
        peer.accept();
        behaviour.connection?.(peer);
        return;
      }
      if (m.kind === PING) { // as every server; deaf ones do not
        if (!behaviour.deaf) socket.send(Buffer.concat([Buffer.from([PONG]), data.subarray(1)]));
        return;
      }
      peer.messages.push(m);
      behaviour.message?.(peer, m);
    });
  });
  return server;
}

// serve starts one for a test.
export async function serve(t, behaviour) {
  const server = await startServer(behaviour);
  t.after(() => server.close());
  return server;
}
