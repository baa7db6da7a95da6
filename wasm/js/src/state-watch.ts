// Who hears what of a state: listeners of fields, and of the entries of Maps and arrays. They are
// found by the object that a change is about. One that was added by a path waits for the value.

import type { Change } from './state-decode.js';
import type { Fields, Key } from './state-schema.js';
import { slotsOf } from './state-value.js';

// Heard are the listeners that one call has added.
export interface Heard {
  _field?: (now: unknown, before: unknown) => void;
  added?: (entry: unknown, key: Key) => void;
  changed?: (entry: unknown, key: Key, fields: string[]) => void;
  removed?: (entry: unknown, key: Key) => void;
}

interface Watch {
  _heard: Heard;
  _path: string; // '' if it was added to an object
  _on: object | undefined; // what it watches
  _field: string; // of it, '' for its entries
  _turn: number; // in which it was told how things are
}

export class Watches {
  #byObject = new WeakMap<object, Map<string, Set<Watch>>>();
  #byPath = new Set<Watch>();
  #turn = 0;
  #root: Fields | undefined;
  #call: (listener: () => void) => void;

  // call calls a listener.
  constructor(call: (listener: () => void) => void) {
    this.#call = call;
  }

  // add tells heard how things are, and then what changes, until the function that it returns is
  // called. at is a path or the object with the field; entries have a path or an object alone. It
  // throws if there is no such field.
  _add(at: unknown, field: string, heard: Heard): () => void {
    const watch: Watch = {
      _heard: heard, _path: typeof at === 'string' ? at : '', _on: undefined, _field: field,
      _turn: 0,
    };
    if (typeof at === 'string') {
      if (this.#root) this.#find(watch);
      this.#byPath.add(watch);
    } else this.#place(watch, at as object, field);
    if (watch._on) this.#greet(watch);
    return () => {
      this.#byPath.delete(watch);
      this.#leave(watch);
    };
  }

  // tell tells what a message has changed.
  _tell(changes: Change[]): void {
    this.#turn++;
    for (const change of changes) {
      const watches = this.#byObject.get(change._on)?.get(change._field);
      if (!watches) continue;
      for (const watch of Array.from(watches)) {
        if (watch._turn !== this.#turn && watch._on) this.#changed(watch._heard, change);
      }
    }
  }

  // begin tells those with a path that there is another value.
  _begin(root: Fields): void {
    this.#turn++;
    this.#root = root;
    for (const watch of Array.from(this.#byPath)) {
      const { _heard: heard, _on: old } = watch;
      if (old && !watch._field && heard.removed) {
        slotsOf(old)._bySlot.forEach((entry) => {
          this.#call(() => heard.removed!(entry._value, entry._key));
        });
      }
      this.#leave(watch);
      this.#call(() => this.#find(watch));
      if (watch._on) this.#greet(watch);
    }
  }

  #changed(heard: Heard, change: Change): void {
    if (change._field) {
      this.#call(() => heard._field!(change._now, change._before));
      return;
    }
    const { added, changed, removed } = heard;
    for (const { _value: v, _key: key } of removed ? change._removed : []) {
      this.#call(() => heard.removed!(v, key));
    }
    for (const { _value: v, _key: key } of added ? change._added : []) {
      this.#call(() => heard.added!(v, key));
    }
    for (const [{ _value: v, _key: key }, fields] of changed ? change._changed : []) {
      this.#call(() => heard.changed!(v, key, fields));
    }
  }

  // greet tells a new listener how things are.
  #greet(watch: Watch): void {
    const { _heard: heard, _on: on, _field: field } = watch;
    watch._turn = this.#turn;
    if (field) this.#call(() => heard._field!((on as Fields)[field], undefined));
    else if (heard.added) {
      slotsOf(on)._bySlot.forEach((entry) => {
        this.#call(() => heard.added!(entry._value, entry._key));
      });
    }
  }

  // find places a watch where its path leads.
  #find(watch: Watch): void {
    const names = watch._path.split('.'), field = watch._field && names[names.length - 1];
    let on: unknown = this.#root;
    for (const name of field ? names.slice(0, -1) : names) {
      on = Object.prototype.hasOwnProperty.call(on, name) ? (on as Fields)[name] : undefined;
      if (on === undefined || on === null) break;
    }
    this.#place(watch, on, field);
  }

  #place(watch: Watch, on: unknown, field: string): void {
    const there = typeof on === 'object' && on !== null &&
      (field ? Object.prototype.hasOwnProperty.call(on, field) : slotsOf(on));
    if (!there) {
      throw new TypeError(`the state has no ${field ? 'field' : 'map or list'} ` +
        `"${watch._path || field}"`);
    }
    watch._on = on;
    watch._field = field;
    let fields = this.#byObject.get(on);
    if (!fields) this.#byObject.set(on, fields = new Map());
    let watches = fields.get(field);
    if (!watches) fields.set(field, watches = new Set());
    watches.add(watch);
  }

  #leave(watch: Watch): void {
    if (watch._on) this.#byObject.get(watch._on)?.get(watch._field)?.delete(watch);
    watch._on = undefined;
  }
}
