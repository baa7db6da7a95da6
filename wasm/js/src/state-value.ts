// The value of a state: plain objects, Maps and arrays that stay the same objects while their
// content changes, and beside each Map and array the slots by which messages name its entries.

import { crc, To } from './state-bytes.js';
import type { Field, Fields, Key, Struct } from './state-schema.js';

export interface Entry {
  _slot: number;
  _key: Key;
  _value: unknown;
}

// Slots is what there is to know of a Map or an array.
export interface Slots {
  _field: Field;
  _bySlot: Map<number, Entry>;
  _byKey: Map<Key, Entry>;
  _order: Entry[]; // of a list
}

const slots = new WeakMap<object, Slots>();

export const slotsOf = (container: unknown): Slots => slots.get(container as object)!;

// make returns the zero value of a struct.
export function make(type: Struct): Fields {
  const value: Fields = {};
  for (const field of type._fields) {
    if (field._holds) {
      const container = field._holds === 'map' ? new Map() : [];
      slots.set(container,
        { _field: field, _bySlot: new Map(), _byKey: new Map(), _order: [] });
      value[field._name] = container;
    } else value[field._name] = field._type ? make(field._type) : field._scalar!._zero();
  }
  return value;
}

// checksum is that of the snapshot that would hold the whole of a state.
export function checksum(type: Struct, root: Fields): number {
  const to = new To();
  write(to, type, root);
  return crc(to._out);
}

// write writes a struct as a snapshot has it: without the fields that are zero. It reports whether
// there are others. The field skip is left out.
function write(to: To, type: Struct, value: Fields, skip = ''): boolean {
  const mask = to._out.length, fields = type._fields;
  for (let i = 0; i < fields.length; i += 8) to._out.push(0);
  let any = false;
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i], at = to._out.length, v = value[field._name];
    if (field._name === skip || !writeField(to, field, v)) {
      to._out.length = at;
      continue;
    }
    to._out[mask + (i >> 3)] |= 1 << (i & 7);
    any = true;
  }
  return any;
}

function writeField(to: To, field: Field, value: unknown): boolean {
  if (field._holds) return writeEntries(to, field, value);
  if (field._type) return write(to, field._type, value as Fields);
  const at = to._out.length, zero = new To(), scalar = field._scalar!;
  scalar._write(to, value);
  scalar._write(zero, scalar._zero());
  return to._out.length - at !== zero._out.length ||
    zero._out.some((b, i) => to._out[at + i] !== b);
}

function writeEntries(to: To, field: Field, container: unknown): boolean {
  const { _bySlot: bySlot, _order: order } = slotsOf(container);
  to._uint(0);
  to._uint(bySlot.size);
  for (const slot of Array.from(bySlot.keys()).sort((a, b) => a - b)) {
    const { _key: key, _value: value } = bySlot.get(slot)!;
    to._uint(slot * 2 + 1);
    field._key!._write(to, key);
    if (field._scalar) {
      field._scalar._write(to, (container as Map<Key, unknown>).get(key));
    } else write(to, field._type!, value as Fields, field._keyName);
  }
  if (field._holds === 'list') {
    to._uint(1);
    to._uint(order.length);
    for (const entry of order) to._uint(entry._slot);
  }
  return bySlot.size > 0;
}
