// What the tests of ../../js/test need of Node, for browsers: browser_suite_test.go lets their imports of node:* and ws end here.
// Whatever is missing throws Absent, and the test that asked for it counts as skipped.

export class Absent extends Error {}
const absent = (name) => function () { throw new Absent(name + ' is not here'); };

export const WebSocket = absent('package ws'), WebSocketServer = absent('package ws'), createRequire = absent('createRequire'), once = absent('once'), inspect = absent('inspect');
export const createHash = absent('createHash'), createHmac = absent('createHmac'), hkdfSync = absent('hkdfSync');
export const createCipheriv = absent('createCipheriv'), createDecipheriv = absent('createDecipheriv');
export const deflateRawSync = absent('deflateRawSync'), inflateRawSync = absent('inflateRawSync'), gzipSync = absent('gzipSync');

// Paths are those of the repository, below the site's root.
export const join = (...parts) => new URL(parts.join('/'), 'http://x').pathname;
export const dirname = (path) => path.slice(0, path.lastIndexOf('/'));
export const fileURLToPath = (url) => new URL(url).pathname;
export const pathToFileURL = (path) => new URL(path, self.location.origin);
export const existsSync = () => true;

export function readFileSync(path, encoding) {
  const request = new XMLHttpRequest();
  request.open('GET', new URL(path, self.location.origin), false);
  if (!encoding) request.overrideMimeType('text/plain; charset=x-user-defined');
  request.send();
  if (request.status !== 200) throw new Error('ENOENT: ' + path + ' answered ' + request.status);
  return encoding ? request.responseText : Uint8Array.from(request.responseText, (c) => c.charCodeAt(0));
}

export function randomBytes(n) {
  const bytes = new Buffer(n);
  for (let i = 0; i < n; i += 65536) crypto.getRandomValues(bytes.subarray(i, i + 65536));
  return bytes;
}

// Buffer is as much of Node's as the tests use.
export class Buffer extends Uint8Array {
  static get [Symbol.species]() { return Buffer; }

  static from(source, encoding) {
    if (typeof source !== 'string') return source instanceof ArrayBuffer ? new Buffer(source) : new Buffer(Uint8Array.from(source));
    if (encoding === 'hex') return new Buffer(Uint8Array.from(source.match(/../g) ?? [], (h) => parseInt(h, 16)));
    if (encoding === 'base64') return new Buffer(Uint8Array.from(atob(source), (c) => c.charCodeAt(0)));
    return new Buffer(new TextEncoder().encode(source));
  }

  static alloc(n, fill) {
    const bytes = new Buffer(n), pattern = typeof fill === 'string' ? Buffer.from(fill) : [fill ?? 0];
    for (let i = 0; i < n; i++) bytes[i] = pattern[i % pattern.length];
    return bytes;
  }

  static concat(list) {
    const all = new Buffer(list.reduce((n, b) => n + b.length, 0));
    list.reduce((at, b) => { all.set(b, at); return at + b.length; }, 0);
    return all;
  }

  toString(encoding) {
    if (encoding === 'hex') return Array.prototype.map.call(this, (b) => b.toString(16).padStart(2, '0')).join('');
    if (encoding === 'base64') return btoa(String.fromCharCode(...this));
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(this);
  }

  fill(v) { return typeof v === 'string' ? (this.set(Buffer.alloc(this.length, v)), this) : super.fill(v); }

  equals(other) { return this.length === other.length && this.every((b, i) => b === other[i]); }
}

// node:assert/strict

class AssertionError extends Error {
  constructor(message) { super(message); this.name = 'AssertionError'; }
}

function show(v) {
  try { return (JSON.stringify(v) ?? String(v)).slice(0, 500); } catch { return String(v); }
}

function fail(message, what) { throw message instanceof Error ? message : new AssertionError((message ? message + ': ' : '') + what); }

const bytesOf = (v) => v instanceof ArrayBuffer ? new Uint8Array(v) : ArrayBuffer.isView(v) ? new Uint8Array(v.buffer, v.byteOffset, v.byteLength) : null;

function same(a, b) {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  const x = bytesOf(a), y = bytesOf(b);
  if (x) return x.length === y.length && x.every((v, i) => v === y[i]);
  if (a instanceof Error && (a.message !== b.message || a.name !== b.name)) return false;
  if (a instanceof Map) return same([...a], [...b]);
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((k) => Object.hasOwn(b, k) && same(a[k], b[k]));
}

function expected(error, want) {
  if (error instanceof Absent) throw error;
  if (want === undefined) return;
  if (want instanceof RegExp) { if (!want.test(String(error))) throw error; return; }
  if (typeof want === 'function' && want.prototype !== undefined && error instanceof want) return;
  if (typeof want === 'function') { if (want(error) !== true) throw error; return; }
  for (const key of Object.keys(want)) if (!(want[key] instanceof RegExp ? want[key].test(error[key]) : same(error[key], want[key]))) throw error;
}

const assert = (v, message) => { if (!v) fail(message, show(v) + ' is not true'); };
assert.ok = assert;
assert.equal = (a, b, message) => { if (!Object.is(a, b)) fail(message, show(a) + ' is not ' + show(b)); };
assert.notEqual = (a, b, message) => { if (Object.is(a, b)) fail(message, 'both are ' + show(a)); };
assert.deepEqual = (a, b, message) => { if (!same(a, b)) fail(message, show(a) + ' is not like ' + show(b)); };
assert.notDeepEqual = (a, b, message) => { if (same(a, b)) fail(message, 'both are like ' + show(a)); };
assert.match = (s, re, message) => { if (!re.test(s)) fail(message, show(s) + ' does not match ' + re); };
assert.doesNotMatch = (s, re, message) => { if (re.test(s)) fail(message, show(s) + ' matches ' + re); };
assert.throws = (fn, want, message) => {
  try { fn(); } catch (error) { expected(error, want); return; }
  fail(typeof want === 'string' ? want : message, 'nothing was thrown');
};
assert.rejects = async (promise, want, message) => {
  try { await (typeof promise === 'function' ? promise() : promise); } catch (error) { expected(error, want); return; }
  fail(message, 'the promise was not rejected');
};
assert.createContext = assert.runInNewContext = absent('node:vm'); // its default import ends here, too
export default assert;

// node:test: what is registered runs when run is called.

const tests = [], path = [];
let skipping = false;

export function describe(name, options, body) {
  if (typeof options === 'function') [options, body] = [{}, options];
  const outer = skipping;
  skipping = skipping || !!options.skip;
  path.push(name);
  try { body(); } finally { path.pop(); skipping = outer; }
}

export function test(name, options, body) {
  if (typeof options === 'function') [options, body] = [{}, options];
  tests.push({ name: [...path, name].join(' > '), body, skip: skipping || !!options.skip });
}

const PATIENCE = 30000;

export async function run() {
  const result = { passed: 0, skipped: [], failed: [] };
  for (const { name, body, skip } of tests.splice(0)) {
    if (skip) { result.skipped.push(name); continue; }
    const after = [];
    let timer;
    try {
      const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error('it did not end')), PATIENCE); });
      await Promise.race([body({ after: (fn) => after.push(fn), mock: { method: absent('mock.method'), timers: { enable: absent('mock.timers') } } }), late]);
      result.passed++;
    } catch (error) {
      if (error instanceof Absent) result.skipped.push(name);
      else result.failed.push(name + ': ' + (error && error.code ? error.code + ' ' : '') + (error && error.message) + '\n' + (error && error.stack));
    } finally {
      clearTimeout(timer);
      for (const fn of after) {
        try { await fn(); } catch (error) { if (!(error instanceof Absent)) result.failed.push(name + ', afterwards: ' + error); }
      }
    }
  }
  return result;
}
