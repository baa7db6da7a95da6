// The encryption of SmartSocket written a third time, on Node's crypto: the independent
// implementation that both engines are checked against, and the server's side of it.

import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync } from 'node:crypto';

const SEALED = 15;
const counter = (size, seq) => { const b = Buffer.alloc(size); b.writeBigUInt64BE(BigInt(seq), size - 8); return b; };

export const keyId = (key) => createHmac('sha256', key).update('smartsocket key id').digest().subarray(0, 8);

// half is one direction, 'c2s' or 's2c': {seal(plain), open(record)} with counters of their own.
export function half(direction, { algorithm, key, clientRandom, serverRandom, transcript }) {
  const hash = createHash('sha256').update('smartsocket/1').update(transcript).digest();
  const info = Buffer.concat([Buffer.from('ss1 ' + direction), Buffer.from([algorithm]), hash]);
  const secret = Buffer.from(hkdfSync('sha256', key, Buffer.concat([clientRandom, serverRandom]), info, 32));
  // Node has no HKDF-Expand alone: of one block it is this (RFC 5869 section 2.3).
  const expand = (label, n) => createHmac('sha256', secret).update(label).update(Buffer.from([1])).digest().subarray(0, n);
  const cipherKey = expand('key', 32), head = Buffer.from([SEALED]);
  let sent = 0, received = 0;
  if (algorithm === 1) {
    const nonce = (seq) => counter(12, seq).map((b, i) => b ^ expand('iv', 12)[i]);
    return {
      seal(plain) {
        const c = createCipheriv('aes-256-gcm', cipherKey, nonce(sent++)).setAAD(head);
        return Buffer.concat([head, c.update(plain), c.final(), c.getAuthTag()]);
      },
      open(record) {
        const c = createDecipheriv('aes-256-gcm', cipherKey, nonce(received++)).setAAD(record.subarray(0, 1)).setAuthTag(record.subarray(-16));
        return Buffer.concat([c.update(record.subarray(1, -16)), c.final()]);
      }
    };
  }
  const tag = (seq, ivAndText) => createHmac('sha256', expand('mac', 32)).update(head).update(counter(8, seq)).update(ivAndText).digest().subarray(0, 16);
  return {
    seal(plain) {
      const e = createCipheriv('aes-256-ecb', expand('ivk', 32), null).setAutoPadding(false);
      const iv = e.update(counter(16, sent)), c = createCipheriv('aes-256-cbc', cipherKey, iv);
      const body = Buffer.concat([iv, c.update(plain), c.final()]);
      return Buffer.concat([head, body, tag(sent++, body)]);
    },
    open(record) {
      const body = record.subarray(1, -16);
      if (!tag(received++, body).equals(record.subarray(-16))) throw new Error('wrong tag');
      const c = createDecipheriv('aes-256-cbc', cipherKey, body.subarray(0, 16));
      return Buffer.concat([c.update(body.subarray(16)), c.final()]);
    }
  };
}
