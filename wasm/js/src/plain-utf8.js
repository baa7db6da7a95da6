// UTF-8 in plain JavaScript, for browsers without TextEncoder and TextDecoder.

import { wellFormed } from './bytes.js';
import { latin1 } from './latin1.js';

export var plainEncoder = {
  encode: function (s) {
    return latin1(unescape(encodeURIComponent(wellFormed(s))));
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
