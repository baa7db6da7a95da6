// The pre-shared key. Its form is checked as strictly as by Go's crypto.ParseKey.

import type { Bytes } from './codec.js';
import { latin1 } from './latin1.js';

// decodeKey returns the 32 bytes of a key in base64. No error message contains the key.
export function decodeKey(key: string): Bytes {
  if (!/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/.test(key)) {
    throw new TypeError('option encryptionKey must be base64 of exactly 32 bytes (44 characters ' +
      `with the padding, these are ${key.length}): make one with the server's -keygen or ` +
      'openssl rand -base64 32');
  }
  const bytes = latin1(atob(key));
  if (Array.prototype.every.call(bytes, (b) => b === bytes[0])) {
    throw new TypeError('option encryptionKey is one byte repeated: make a random one');
  }
  return bytes;
}
