// UTF-8 in plain JavaScript, for browsers without TextEncoder and TextDecoder.

import { wellFormed } from './bytes.js';

export var plainEncoder = {
  encode: function (s) {
    return Uint8Array.from(unescape(encodeURIComponent(wellFormed(s))), function (c) { return c.charCodeAt(0); });
  }
};

export var plainDecoder = {
  decode: function (bytes) {
    var s = '';
    for (var i = 0; i < bytes.length; i += 4096) {
      s += String.fromCharCode.apply(null, bytes.subarray(i, i + 4096));
    }
    return decodeURIComponent(escape(s));
  }
};
