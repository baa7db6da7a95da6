// The vectors that Go's package room/state is tested with.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { source } from './setup.js';
import { plain } from './state-plain.js';

const { Decoder } = await source('state-decode.js');

const path = new URL('../../../room/state/testdata/vectors.json', import.meta.url);
const missing = !existsSync(path) && path.pathname + ' is missing';
const { series, refused } = missing ? { series: [], refused: [] }
  : JSON.parse(readFileSync(path, 'utf8'));
const unhex = (s) => new Uint8Array(Buffer.from(s, 'hex'));

// said is a value as the vectors say it.
const said = (value) => plain(value, (v) => {
  if (v instanceof Uint8Array) return Buffer.from(v).toString('base64');
  return Number.isFinite(v) ? v : v > 0 ? '+Inf' : v < 0 ? '-Inf' : 'NaN';
});

describe('vectors of states', { skip: missing }, () => {
  for (const { name, messages } of series) {
    test(name, () => {
      const decoder = new Decoder();
      for (const v of messages) {
        const applied = decoder._apply(unhex(v.hex));
        assert.ok(applied && !applied._drift, v.note);
        assert.equal(applied._kind === 3, v.end === true, v.note);
        assert.deepEqual(said(decoder._value), v.state, v.note);
        if (v.end) continue;
        const { _tick: tick, _time: time, _step: step, _input: input } = decoder;
        assert.deepEqual([tick, time, step, input], [v.tick, v.time, v.step, v.input], v.note);
      }
    });
  }
  for (const { name, before, hex, synced } of refused) {
    test('refused: ' + name, () => {
      const decoder = new Decoder();
      before?.forEach((message) => assert.ok(decoder._apply(unhex(message))));
      const was = decoder._value && plain(decoder._value);
      let applied = null;
      try {
        applied = decoder._apply(unhex(hex));
      } catch (error) {
        assert.match(error.constructor.name, /^(Syntax|Type)?Error$/);
      }
      if (applied) assert.ok(applied._drift);
      else assert.deepEqual(decoder._value && plain(decoder._value), was);
      if (synced) assert.equal(applied, null);
    });
  }
  test('there are some', () => assert.ok(series.length >= 4 && refused.length >= 60));
});
