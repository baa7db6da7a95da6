// Decoding a state's messages. A message is read whole before anything of it is done: what is wrong
// with it throws, and the value stays as it was.

import { From } from './state-bytes.js';
import { schemaOf } from './state-schema.js';
import type { Field, Fields, Key, Scalar, Struct } from './state-schema.js';
import { checksum, make, slotsOf } from './state-value.js';
import type { Entry, Slots } from './state-value.js';
import type { Bytes } from './codec.js';

const SNAPSHOT = 1, END = 3, SCHEMA = 0x10, INPUT = 0x20, SUM = 0x40;
const FORBIDDEN = [0, 0x80, 0x90, 0xf0]; // by kind
const MAX_SLOTS = 1 << 24;

// Change is one thing that a message has changed: a field of an object, or the entries of a Map or
// an array.
export interface Change {
  _on: object;
  _field: string; // '' for entries
  _now: unknown;
  _before: unknown;
  _removed: Entry[];
  _added: Entry[];
  _changed: [entry: Entry, fields: string[]][];
  _gone: Set<Entry>; // what was in slots that are empty or taken now
  _fresh: Entry[]; // what is in slots now: added ones, and others that are written anew
  _order: Entry[] | null;
}

// Applied is what a message was.
export interface Applied {
  _kind: number;
  _changes: Change[];
  _anew: Fields | null; // the value before, if the value is another object than that
  _drift: boolean; // the checksum says that the value is not the server's
}

// Mode says what a field has that is not in a struct's mask: what it had, or its zero value.
// In a struct that is new it has that already.
const CHANGED = 0, WHOLE = 1, NEW = 2;

export class Decoder {
  /** The value; undefined before the first snapshot. */
  _value: Fields | undefined;
  _tick = 0; // that the value is of; 0 if the next message must be a snapshot
  _time = 0; // of that tick, on the server's clock, in microseconds
  _step = 0; // from tick to tick
  _input = 0; // the last input in it
  #type: Struct | undefined;
  #schema = '';
  #from!: From;
  #changes: Change[] = [];

  // apply takes a message. It throws if the message makes no sense, and returns null for a delta to
  // another value than this one.
  _apply(bytes: Bytes): Applied | null {
    const from = this.#from = new From(bytes), head = from._byte(), kind = head & 15;
    this.#changes = [];
    if (kind < SNAPSHOT || kind > END || head & FORBIDDEN[kind]) {
      throw new Error('it is of no known kind');
    }
    const tick = from._uint();
    let step = this._step, time: number, text = this.#schema;
    if (kind === END) {
      this.#end();
      this._tick = 0;
      return { _kind: kind, _changes: [], _anew: null, _drift: false };
    }
    if (kind === SNAPSHOT) {
      time = from._uint();
      step = from._uint();
      if (head & SCHEMA) text = from._text();
    } else {
      const age = from._uint();
      if (age < 1) throw new Error('it is about itself');
      if (!this._tick || tick - age !== this._tick) return null;
      time = this._time + age * step;
    }
    const input = head & INPUT ? from._uint() : 0;
    const sum = head & SUM ? from._view.getUint32(from._skip(4), true) : 0;
    const old = this._value, known = old && text === this.#schema;
    if (!text) throw new Error('it has no schema');
    const type = known ? this.#type! : schemaOf(text), value = known ? old : make(type);
    this.#struct(type, value, kind === SNAPSHOT ? WHOLE : CHANGED);
    this.#end();
    this.#commit();
    this.#schema = text;
    this.#type = type;
    this._value = value;
    this._tick = tick;
    this._time = time;
    this._step = step;
    if (head & INPUT || kind === SNAPSHOT) this._input = input;
    return {
      _kind: kind,
      _changes: this.#changes,
      _anew: value === old ? null : old || {},
      _drift: (head & SUM) !== 0 && sum !== checksum(type, value),
    };
  }

  #end(): void {
    if (this.#from._at !== this.#from._bytes.length) throw new Error('something follows it');
  }

  // struct reads a struct into on, or says in changes what is to be done with on, and returns the
  // names of the fields that differ. The field skip is not in the message.
  #struct(type: Struct, on: Fields, mode: number, skip = ''): string[] {
    const from = this.#from, fields = type._fields, size = fields.length + 7 >> 3;
    const mask = from._skip(size), names: string[] = [];
    if (fields.length & 7 && from._bytes[mask + size - 1] >> (fields.length & 7)) {
      throw new Error('a field is unknown');
    }
    for (let i = 0; i < fields.length; i++) {
      const field = fields[i], there = from._bytes[mask + (i >> 3)] >> (i & 7) & 1;
      if (field._name === skip) {
        if (there) throw new Error('a key is changed');
      } else if (there ? this.#field(field, on, mode)
        : mode === WHOLE && this.#clear(field, on)) {
        names.push(field._name);
      }
    }
    return names;
  }

  // field reads a field of on, and reports whether it differs.
  #field(field: Field, on: Fields, mode: number): boolean {
    const name = field._name;
    if (field._holds) return this.#note(on, name, this.#entries(field, on[name], mode));
    if (field._type) {
      return this.#note(on, name, this.#struct(field._type, on[name] as Fields, mode).length > 0);
    }
    const now = field._scalar!._read(this.#from);
    if (mode === NEW) on[name] = now;
    return mode !== NEW && this.#set(on, name, now);
  }

  // clear makes a field of on zero, and reports whether it was not.
  #clear(field: Field, on: Fields): boolean {
    const name = field._name, value = on[name];
    if (field._holds) {
      const entries = this.#change(value as object, '');
      entries._removed = Array.from(slotsOf(value)._bySlot.values());
      entries._gone = new Set(entries._removed);
      if (field._holds === 'list') entries._order = [];
      return this.#note(on, name, entries._removed.length > 0);
    }
    if (!field._type) return this.#set(on, name, field._scalar!._zero());
    const differ = field._type._fields.filter((f) => this.#clear(f, value as Fields));
    return this.#note(on, name, differ.length > 0);
  }

  #set(on: Fields, name: string, now: unknown): boolean {
    const before = on[name];
    return !same(now, before) && this.#note(on, name, true, now, before);
  }

  // note notes that a field differs, if it does.
  #note(on: Fields, name: string, differs: boolean, now = on[name], before = now): boolean {
    if (differs) {
      const change = this.#change(on, name);
      change._now = now;
      change._before = before;
    }
    return differs;
  }

  #change(on: object, field: string): Change {
    const change: Change = {
      _on: on, _field: field, _now: undefined, _before: undefined, _removed: [], _added: [],
      _changed: [], _gone: new Set(), _fresh: [], _order: null,
    };
    this.#changes.push(change);
    return change;
  }

  // entries reads the entries of a Map or an array, and reports whether they differ. An entry stays
  // the same while its key does.
  #entries(field: Field, container: unknown, mode: number): boolean {
    const from = this.#from, now = slotsOf(container);
    const change = this.#change(container as object, '');
    const gone = change._gone = this.#gone(now, mode), fresh = new Map<Key, Entry>();
    let last = -1;
    for (let n = from._count(); n > 0; n--) {
      const number = from._uint(), slot = Math.floor(number / 2), there = now._bySlot.get(slot);
      if (slot <= last || slot >= MAX_SLOTS) throw new Error('a slot is not above the last one');
      last = slot;
      if (number % 2 === 0) {
        if (!there || gone.has(there)) throw new Error('a slot is unknown');
        this.#changed(change, there, CHANGED);
        continue;
      }
      const key = field._key!._read(from) as Key, known = now._byKey.get(key);
      if (fresh.has(key)) throw new Error('a key comes twice');
      if (there) gone.add(there);
      const entry: Entry = { _slot: slot, _key: key, _value: undefined };
      fresh.set(key, entry);
      if (known) {
        gone.add(known);
        entry._value = known._value;
        this.#changed(change, entry, WHOLE);
      } else {
        entry._value = this.#fresh(field, key);
        change._added.push(entry);
      }
    }
    change._fresh = Array.from(fresh.values());
    gone.forEach((entry) => {
      if (!fresh.has(entry._key)) change._removed.push(entry);
    });
    const moved = field._holds === 'list' && this.#order(now, change);
    return moved || change._removed.length + change._added.length + change._changed.length > 0;
  }

  // gone reads which entries go. In a snapshot all do that do not come again.
  #gone(now: Slots, mode: number): Set<Entry> {
    const gone = new Set<Entry>();
    if (mode === WHOLE) now._bySlot.forEach((entry) => gone.add(entry));
    let last = -1;
    for (let n = this.#from._count(); n > 0; n--) {
      const slot = this.#from._uint(), entry = now._bySlot.get(slot);
      if (slot <= last || slot >= MAX_SLOTS) throw new Error('a slot is not above the last one');
      last = slot;
      if (entry) gone.add(entry); // otherwise it came and went between two messages
    }
    return gone;
  }

  // fresh reads the value of an entry that is new.
  #fresh(field: Field, key: Key): unknown {
    if (field._scalar) return field._scalar._read(this.#from);
    const value = make(field._type!);
    if (field._keyName) value[field._keyName] = key;
    this.#struct(field._type!, value, NEW);
    return value;
  }

  // changed reads the value of an entry that is there.
  #changed(change: Change, entry: Entry, mode: number): void {
    const { _field: field } = slotsOf(change._on);
    if (field._type) {
      const names = this.#struct(field._type, entry._value as Fields, mode, field._keyName);
      if (names.length > 0) change._changed.push([entry, names]);
      return;
    }
    const value = (field._scalar as Scalar)._read(this.#from);
    if (same(value, entry._value)) return;
    const now = { _slot: entry._slot, _key: entry._key, _value: value };
    if (mode === WHOLE) entry._value = value; // which is not shown yet
    change._changed.push([now, []]);
  }

  // order reads the order of a list, and reports whether it differs.
  #order(now: Slots, change: Change): boolean {
    const from = this.#from, entries = new Map<number, Entry>();
    for (const entry of now._order.filter((e) => !change._gone.has(e)).concat(change._fresh)) {
      entries.set(entry._slot, entry);
    }
    const flag = from._byte(), order = change._order = flag ? [] : Array.from(entries.values());
    if (flag > 1 || flag && from._count() !== entries.size) {
      throw new Error('an order is not of all entries');
    }
    while (flag && entries.size > 0) {
      const slot = from._uint(), entry = entries.get(slot);
      if (!entry) throw new Error('an order has an entry twice, or one that is not there');
      entries.delete(slot);
      order.push(entry);
    }
    return order.length !== now._order.length ||
      order.some((entry, i) => entry._value !== now._order[i]._value);
  }

  // commit does what changes say.
  #commit(): void {
    for (const change of this.#changes) {
      if (change._field) (change._on as Fields)[change._field] = change._now;
      else commitEntries(change);
    }
  }
}

function commitEntries(change: Change): void {
  const now = slotsOf(change._on);
  const map = now._field._holds === 'map' ? change._on as Map<Key, unknown> : null;
  const put = (entry: Entry): void => {
    now._bySlot.set(entry._slot, entry);
    now._byKey.set(entry._key, entry);
    if (map) map.set(entry._key, entry._value);
  };
  for (const [entry] of change._changed) put(entry);
  change._gone.forEach((entry) => now._bySlot.delete(entry._slot));
  for (const entry of change._removed) {
    now._byKey.delete(entry._key);
    if (map) map.delete(entry._key);
  }
  change._fresh.forEach(put);
  if (!change._order) return;
  now._order = change._order;
  const list = change._on as unknown[];
  list.length = 0;
  for (const entry of change._order) list.push(entry._value);
}

// same reports whether two scalars are equal; lists and bytes are by their elements.
function same(a: unknown, b: unknown): boolean {
  if (a === null || typeof a !== 'object') return Object.is(a, b);
  const p = a as ArrayLike<unknown>, q = b as ArrayLike<unknown>;
  return p.length === q.length && Array.prototype.every.call(p, (v, i) => Object.is(v, q[i]));
}
