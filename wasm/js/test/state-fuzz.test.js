// States of the Go encoder in the browser's decoder, after each of many messages, some of which are
// lost, and with bytes that are no message; started by TestStates (../../state_test.go), which
// writes the messages.

import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { source } from './setup.js';
import { plain } from './state-plain.js';

const { Decoder } = await source('state-decode.js');
const { Watches } = await source('state-watch.js');
const file = process.env.SMARTSOCKET_STATES, skip = !file && 'run by go test ./wasm';
const bytesOf = (message) => new Uint8Array(Buffer.from(message, 'base64'));

async function* messages() {
  for await (const line of createInterface({ input: createReadStream(file) })) yield JSON.parse(line);
}

// Mirror is made of what listeners hear, and nothing else.
class Mirror {
  watches = new Watches((listener) => listener());
  fields = {};
  players = new Map();
  boxes = new Map();

  constructor() {
    for (const name of ['phase', 'score', 'tags', 'ball.x', 'name']) {
      const parts = name.split('.');
      this.watches._add(name, parts[parts.length - 1], {
        _field: (now, before) => {
          assert.deepEqual(before, this.fields[name]);
          assert.notDeepEqual(now, before);
          this.fields[name] = now;
        },
      });
    }
    this.keep('players', this.players, (p) => p.name + p.x + p.at.height + p.items.size);
    this.keep('boxes', this.boxes, (b) => b.kind + b.full);
    this.keep('wins', this.wins = new Map(), (n) => n);
  }

  keep(path, into, shown) {
    this.watches._add(path, '', {
      added: (entry, key) => {
        assert.ok(!into.has(key));
        into.set(key, shown(entry));
      },
      changed: (entry, key) => {
        assert.ok(into.has(key));
        into.set(key, shown(entry));
      },
      removed: (_entry, key) => assert.ok(into.delete(key)),
    });
  }

  heard(applied, value) {
    if (applied._anew) this.watches._begin(value);
    else this.watches._tell(applied._changes);
  }

  check(value) {
    assert.deepEqual(this.fields, {
      phase: value.phase, score: value.score, tags: value.tags, 'ball.x': value.ball.x, name: value.name,
    });
    const items = (p) => p.name + p.x + p.at.height + p.items.size;
    assert.deepEqual(this.players, new Map(Array.from(value.players, ([k, p]) => [k, items(p)])));
    assert.deepEqual(new Map([...this.boxes].sort()),
      new Map(value.boxes.map((b) => [b.id, b.kind + b.full]).sort()));
    assert.deepEqual(this.wins, value.wins);
  }
}

test('the value is that of the server, and listeners hear all', { skip }, async () => {
  const clients = [0, 1, 2].map(() => ({ decoder: new Decoder(), mirror: new Mirror() }));
  const count = { message: 0, refused: 0, want: 0, snapshot: 0 };
  for await (const { client, message, refused, want } of messages()) {
    const { decoder, mirror } = clients[client], bytes = bytesOf(message), kind = bytes[0] % 16;
    const old = decoder._value && decoder._value.players;
    count.message++;
    const applied = decoder._apply(bytes);
    if (refused && kind === 2) {
      assert.equal(applied, null);
      count.refused++;
      continue;
    }
    assert.ok(applied && !applied._drift, `message ${count.message}: ${message}`);
    mirror.heard(applied, decoder._value);
    if (old) assert.equal(decoder._value.players, old);
    if (kind === 1) count.snapshot++;
    if (!want) continue;
    count.want++;
    assert.deepEqual(plain(decoder._value), want);
    mirror.check(decoder._value);
  }
  assert.ok(count.refused > 20 && count.snapshot > 20 && count.want > 500, JSON.stringify(count));
});

test('bytes that are no message throw, and the value stays as it was', { skip }, async () => {
  let seed = 1, thrown = 0;
  const random = (n) => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;
  const before = [], replay = () => {
    const decoder = new Decoder();
    before.forEach((bytes) => decoder._apply(bytes));
    return decoder;
  };
  let decoder = replay();
  for await (const { client, message, refused } of messages()) {
    const good = bytesOf(message), kind = good[0] % 16;
    if (client > 0 || refused && kind === 2) continue;
    if (thrown > 2000) break;
    if (kind === 1) before.length = 0;
    for (let round = 0; round < 40; round++) {
      const bad = good.slice(0, random(4) ? good.length : random(good.length));
      if (bad.length) bad[random(bad.length)] ^= 1 << random(8);
      const value = decoder._value && plain(decoder._value), { _tick: tick } = decoder;
      try {
        decoder._apply(bad);
        decoder = replay();
      } catch (error) {
        thrown++;
        assert.equal(error.constructor.name.endsWith('Error'), true);
        assert.deepEqual(decoder._value && plain(decoder._value), value);
        assert.equal(decoder._tick, tick);
      }
    }
    before.push(good);
    const applied = decoder._apply(good);
    assert.ok(applied && !applied._drift);
  }
  assert.ok(thrown > 2000, String(thrown));
});
