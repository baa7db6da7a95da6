// What old and small worlds need at once: the parts of the js engine without import(), and UTF-8
// where there is no TextEncoder.

import { coders } from './bytes.js';
import { deflate, inflate } from './flate.js';
import { Keeper } from './keep.js';
import { Leaving, Mover } from './move.js';
import { parts } from './parts.js';
import { plainDecoder, plainEncoder } from './plain-utf8.js';
import { connect } from './sealing.js';

// complete is called before the first client is made. Bundlers drop modules that nobody calls.
export function complete(): void {
  parts.flate = { deflate, inflate };
  parts.sealing = { connect };
  parts.keep = { Keeper };
  parts.move = { Leaving, Mover };
  coders.encoder = coders.encoder || plainEncoder;
  coders.decoder = coders.decoder || plainDecoder;
}
