// A server that encrypts, on node-crypto.js, and can be told to misbehave.

import { randomBytes } from 'node:crypto';
import { CONNECT, CONNECT_ACK, HELLO, error, parse, readUvarint, record, startServer } from './fake-server.js';
import { half } from './node-crypto.js';

// accept is the server's side of a sealed CONNECT: {out, back, inner}; it throws when the key is
// wrong.
export function accept(hello, message, key, algorithm) {
  const outer = parse(message);
  const sealedAt = message.length - outer.fields.get(5).length;
  let clear = sealedAt - 1; // the id of field 5 and its length lie before
  while (!(message[clear] === 5 && readUvarint(message, clear + 1)[1] === sealedAt)) clear--;
  const shared = { algorithm, key, clientRandom: outer.fields.get(2), serverRandom: parse(Buffer.concat([Buffer.from([CONNECT]), hello.subarray(1)])).fields.get(2), transcript: Buffer.concat([hello, message.subarray(0, clear)]) };
  const back = half('c2s', shared);
  return { out: half('s2c', shared), back, outer, inner: parse(back.open(outer.fields.get(5))) };
}

export const helloFor = (algorithms, random = Buffer.alloc(32, 7)) => record(HELLO, [[1, 1], [2, random], ...(algorithms.length ? [[3, algorithms]] : []), [5, 2], [6, 1 << 20], [7, 5000]]);

// sealedServer has one key. behaviour.connected(peer) runs after CONNECT_ACK, with peer.out
// and peer.back.
export async function sealedServer(t, key, algorithm, behaviour = {}) {
  const server = await startServer({
    handshake: false,
    connection(peer) {
      const hello = helloFor(behaviour.algorithms ?? [algorithm], randomBytes(32));
      peer.send(hello);
      peer.closed = new Promise((resolve) => peer.socket.on('close', resolve));
      peer.got = [];
      peer.socket.on('message', (data) => {
        peer.got.push(data);
        if (peer.got.length > 1) { behaviour.message?.(peer, parse(peer.back.open(data))); return; }
        server.connects.push(parse(data).fields);
        if (behaviour.connect) { behaviour.connect(peer, data); return; }
        try {
          Object.assign(peer, accept(hello, data, key, algorithm));
        } catch {
          peer.send(error('ERR_CONN_004', 'authentication failed'));
          peer.socket.close(3500);
          return;
        }
        peer.send(peer.out.seal(record(CONNECT_ACK, [[1, 's_1'], [5, 200], [6, 1 << 20]])));
        behaviour.connected?.(peer);
      });
    }
  });
  t.after(() => server.close());
  return server;
}
