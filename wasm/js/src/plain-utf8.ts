// UTF-8 in plain JavaScript, for browsers without TextEncoder and TextDecoder.

import { wellFormed } from './bytes.js';
import type { Bytes } from './codec.js';
import { latin1 } from './latin1.js';

export const plainEncoder = {
  encode(s: string): Bytes {
    return latin1(unescape(encodeURIComponent(wellFormed(s))));
  },
};

export const plainDecoder = {
  decode(bytes: Bytes): string {
    let s = '';
    for (let i = 0; i < bytes.length; i += 4096) {
      s += String.fromCharCode.apply(null, bytes.subarray(i, i + 4096) as unknown as number[]);
    }
    return decodeURIComponent(escape(s));
  },
};
