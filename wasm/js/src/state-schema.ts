// What a state consists of, compiled from the schema that the server sends: how each field is read,
// what its zero value is, and which objects hold it.

import type { From, To } from './state-bytes.js';

const MAX_TEXT = 65536, MAX_TYPES = 64, MAX_FIELDS = 64, MAX_DEPTH = 8, MAX_ALL = 2048;

/** Key is the key of a map's or a list's entry. */
export type Key = string | number;

export type Fields = Record<string, unknown>;

// Scalar is a value that is replaced as a whole.
export interface Scalar {
  _read(from: From): unknown;
  _write(to: To, value: unknown): void;
  _zero(): unknown;
}

export interface Field {
  _name: string;
  _scalar: Scalar | null; // the value, or that of the entries of a map of scalars
  _type: Struct | null; // the struct, or that of the entries
  _holds: '' | 'map' | 'list'; // whether it has entries
  _key: Scalar | null; // of the entries
  _keyName: string; // the field of a list's entries that is their key
}

export interface Struct {
  _fields: Field[];
  _size: number; // how many fields there are in it and in the types within it
  _depth: number; // 1 without types within it
}

interface Told {
  n?: unknown;
  k?: unknown;
  of?: unknown;
  min?: unknown;
  max?: unknown;
  step?: unknown;
  key?: unknown;
  el?: unknown;
  type?: unknown;
}

const isWords = (v: unknown): v is string[] =>
  Array.isArray(v) && v.length > 0 && v.every((word) => typeof word === 'string');

function bad(what: string): Error {
  return new Error(`its schema has ${what}`);
}

// schemaOf compiles the text of a schema and returns its root.
export function schemaOf(text: string): Struct {
  if (text.length > MAX_TEXT) throw bad('more than 64 KiB');
  const { v, types } = Object(JSON.parse(text)) as { v?: unknown; types?: unknown };
  if (v !== 1) throw bad('a version that this client does not know: use a newer one');
  if (!Array.isArray(types) || types.length > MAX_TYPES) throw bad('no types, or more than 64');
  const known: (Struct | undefined)[] = [];

  const typeOf = (index: unknown, depth: number): Struct => {
    const found = known[index as number];
    if (found) return found;
    const { fields } = Object(types[index as number]) as { fields?: unknown };
    // A type within itself is too deep as well.
    if (depth > MAX_DEPTH || !Array.isArray(fields) || fields.length > MAX_FIELDS) {
      throw bad('a type that is missing, too deep or too large');
    }
    const names = new Set<unknown>();
    const type: Struct = { _fields: [], _size: fields.length, _depth: 1 };
    for (const told of fields as Told[]) {
      const { n } = Object(told) as Told;
      if (typeof n !== 'string' || n === '' || n === '__proto__' || names.has(n)) {
        throw bad('a field without a name of its own');
      }
      names.add(n);
      const field = fieldOf(n, told, (i) => typeOf(i, depth + 1));
      type._fields.push(field);
      if (!field._type) continue;
      type._size += field._type._size;
      type._depth = Math.max(type._depth, field._type._depth + 1);
    }
    if (type._size > MAX_ALL || type._depth > MAX_DEPTH) {
      throw bad('a type with more than 2048 fields, or too deep');
    }
    return known[index as number] = type;
  };
  return typeOf(0, 1);
}

function fieldOf(name: string, told: Told, typeOf: (index: unknown) => Struct): Field {
  const { k, key, el, type } = told;
  const field: Field = {
    _name: name, _scalar: null, _type: null, _holds: '', _key: null, _keyName: '',
  };
  if (k === 'struct') field._type = typeOf(type);
  else if (k === 'list') {
    const of = field._type = typeOf(type);
    const by = of._fields.find((f) => f._name === key);
    if (!by || !by._scalar) throw bad('a list without a key');
    field._holds = k;
    field._key = by._scalar;
    field._keyName = by._name;
  } else if (k === 'map') {
    if (key !== 'string' && key !== 'int' && key !== 'uint') throw bad('a map without a key');
    field._holds = k;
    field._key = scalarOf({ k: key });
    if (el === undefined) field._type = typeOf(type);
    else field._scalar = scalarOf(el);
  } else if (k === 'scalars') field._scalar = listOf(scalarOf(el));
  else field._scalar = scalarOf(told);
  return field;
}

// listOf is a list of scalars, which is a scalar itself.
function listOf(el: Scalar): Scalar {
  return {
    _read(from) {
      const list = [];
      for (let n = from._count(); n > 0; n--) list.push(el._read(from));
      return list;
    },
    _write(to, value) {
      to._uint((value as unknown[]).length);
      for (const v of value as unknown[]) el._write(to, v);
    },
    _zero: () => [],
  };
}

const floats = (size: 4 | 8): Scalar => ({
  _read(from) {
    const at = from._skip(size);
    return size === 4 ? from._view.getFloat32(at, true) : from._view.getFloat64(at, true);
  },
  _write: (to, value) => to._float(value as number, size),
  _zero: () => 0,
});

const plain: Record<string, Scalar> = {
  bool: {
    _read(from) {
      const b = from._byte();
      if (b > 1) throw new Error('a bool is neither 0 nor 1');
      return b === 1;
    },
    _write: (to, value) => to._uint(value ? 1 : 0),
    _zero: () => false,
  },
  string: {
    _read: (from) => from._text(),
    _write: (to, value) => to._text(value as string),
    _zero: () => '',
  },
  bytes: {
    _read: (from) => from._take().slice(),
    _write: (to, value) => to._bytes(value as Uint8Array),
    _zero: () => new Uint8Array(0),
  },
  f32: floats(4),
  f64: floats(8),
};

function scalarOf(told: unknown): Scalar {
  const { k, of, min, max, step } = Object(told) as Told;
  if (Object.prototype.hasOwnProperty.call(plain, k as string)) return plain[k as string];
  if (k === 'enum' && isWords(of)) {
    return {
      _read(from) {
        const word = of[from._uint()];
        if (word === undefined) throw new Error('a word is none of its list');
        return word;
      },
      _write: (to, value) => to._uint(of.indexOf(value as string)),
      _zero: () => of[0],
    };
  }
  for (const bound of [min, max, step]) {
    if (bound !== undefined && !Number.isFinite(bound)) throw bad('a bound that is no number');
  }
  const fixed = k === 'fixed' && (step as number) > 0;
  if (fixed || k === 'int' || k === 'uint') {
    return numbers(k !== 'uint', fixed ? step as number : 0, min as number | undefined,
      max as number | undefined);
  }
  throw bad(`a kind that this client does not know, ${k}: use a newer one`);
}

// numbers are integers, or multiples of a step, from min to max if these are given.
function numbers(signed: boolean, step: number, min?: number, max?: number): Scalar {
  const base = min || 0, zigzag = signed && min === undefined;
  const quantum = (v: number): number => step ? Math.floor((v - base) / step + 0.5) : v - base;
  const isIn = !(base > 0 || max! < 0); // whether 0 is in the range
  const none = isIn ? quantum(0) : 0, zero = isIn ? 0 : base;
  const value = (n: number): number => n === none ? zero : step ? base + n * step : base + n;
  const most = max === undefined ? Number.MAX_SAFE_INTEGER : step ? Math.round((max - base) / step)
    : max - base;
  return {
    _read(from) {
      const n = zigzag ? from._int() : from._uint();
      if (n > most || n < -most) throw new Error('a number is out of its range');
      return value(n);
    },
    _write(to, v) {
      const n = quantum(v as number);
      if (zigzag) to._int(n);
      else to._uint(n);
    },
    _zero: () => zero,
  };
}
