// SmartSocketClient.js in a world as old as the oldest browsers that the reference names: Chrome
// 43, Firefox 48, Safari 10.1 and Edge 14. Only what all of them have is left of the language's
// library, and of the web's only what the client cannot do without.

import { readFileSync } from 'node:fs';
import vm from 'node:vm';

const words = (text) => text.trim().split(/\s+/);
const everyObject = words('constructor toString toLocaleString valueOf hasOwnProperty isPrototypeOf propertyIsEnumerable __defineGetter__ __defineSetter__ __lookupGetter__ __lookupSetter__ __proto__ length name prototype caller callee arguments');

// KNOWN is what the four have in common: Object.keys(KNOWN) are the globals, each with its own
// properties and its prototype's.
export const KNOWN = {
  Object: words('keys create defineProperty defineProperties freeze seal preventExtensions isFrozen isSealed isExtensible getOwnPropertyNames getOwnPropertyDescriptor getOwnPropertySymbols getPrototypeOf setPrototypeOf is'),
  Function: words('apply call bind'),
  Array: words('isArray concat join pop push reverse shift slice sort splice unshift indexOf lastIndexOf every some forEach map filter reduce reduceRight entries keys'),
  String: words('fromCharCode fromCodePoint raw charAt charCodeAt codePointAt concat indexOf lastIndexOf localeCompare match replace search slice split substring substr toLowerCase toUpperCase toLocaleLowerCase toLocaleUpperCase trim startsWith endsWith includes repeat normalize'),
  Number: words('EPSILON MAX_SAFE_INTEGER MIN_SAFE_INTEGER MAX_VALUE MIN_VALUE NaN NEGATIVE_INFINITY POSITIVE_INFINITY isFinite isInteger isNaN isSafeInteger parseFloat parseInt toExponential toFixed toPrecision'),
  Boolean: [], Symbol: words('iterator for keyFor'),
  Math: words('E LN10 LN2 LOG10E LOG2E PI SQRT1_2 SQRT2 abs acos asin atan atan2 ceil cos exp floor log max min pow random round sin sqrt tan trunc sign imul clz32 log2 log10 hypot cbrt fround'),
  Date: words('now parse UTC getTime getDate getDay getFullYear getHours getMilliseconds getMinutes getMonth getSeconds getTimezoneOffset getUTCDate getUTCDay getUTCFullYear getUTCHours getUTCMilliseconds getUTCMinutes getUTCMonth getUTCSeconds setTime setDate setFullYear setHours setMilliseconds setMinutes setMonth setSeconds setUTCDate setUTCFullYear setUTCHours setUTCMilliseconds setUTCMinutes setUTCMonth setUTCSeconds toDateString toISOString toJSON toLocaleDateString toLocaleTimeString toTimeString toUTCString getYear setYear toGMTString'),
  RegExp: words('exec test compile source global ignoreCase multiline lastIndex'),
  Error: words('message stack captureStackTrace stackTraceLimit'), EvalError: [], RangeError: [], ReferenceError: [], SyntaxError: [], TypeError: [], URIError: [],
  JSON: words('parse stringify'),
  Promise: words('all race resolve reject then catch'),
  Map: words('clear delete entries forEach get has keys set size values'), Set: words('add clear delete entries forEach has keys size values'),
  WeakMap: words('delete get has set'), WeakSet: words('add delete has'),
  ArrayBuffer: words('isView byteLength slice'),
  DataView: words('buffer byteLength byteOffset getInt8 getUint8 getInt16 getUint16 getInt32 getUint32 getFloat32 getFloat64 setInt8 setUint8 setInt16 setUint16 setInt32 setUint32 setFloat32 setFloat64'),
  Uint8Array: words('BYTES_PER_ELEMENT buffer byteLength byteOffset set subarray'),
  parseInt: [], parseFloat: [], isNaN: [], isFinite: [], NaN: [], Infinity: [], undefined: [], eval: [], escape: [], unescape: [],
  decodeURI: [], decodeURIComponent: [], encodeURI: [], encodeURIComponent: []
};
for (const name of words('Int8Array Uint8ClampedArray Int16Array Uint16Array Int32Array Uint32Array Float32Array Float64Array')) KNOWN[name] = KNOWN.Uint8Array;

// WEB is what pages of those browsers have besides, and the client uses; not TextEncoder, fetch,
// AbortController, crypto.subtle.
const WEB = words('window self location URL WebSocket setTimeout clearTimeout console crypto atob btoa');

// age deletes from a context whatever is not KNOWN.
const age = `(function (known, everyObject) {
  var own = Object.getOwnPropertyNames, root = this, gone = [];
  function strip(object, name, keep) {
    if (object === null || typeof object !== 'object' && typeof object !== 'function') return;
    own(object).forEach(function (key) {
      if (keep.indexOf(key) < 0 && everyObject.indexOf(key) < 0) { gone.push(name + '.' + key); delete object[key]; }
    });
  }
  var typed = Object.getPrototypeOf(Uint8Array);
  own(root).forEach(function (name) {
    if (!known[name]) { gone.push(name); delete root[name]; return; }
    if (typeof root[name] === 'function' || name === 'Math' || name === 'JSON') {
      strip(root[name], name, known[name]);
      strip(root[name].prototype, name, known[name]);
    }
  });
  strip(typed, 'TypedArray', known.Uint8Array);
  strip(typed.prototype, 'TypedArray', known.Uint8Array);
  return gone;
})`;

// oldWorld returns the global object of such a browser and the names of what was taken away.
export function oldWorld(WebSocket) {
  const context = vm.createContext();
  const gone = vm.runInContext(age, context).call(vm.runInContext('this', context), KNOWN, everyObject);
  const root = vm.runInContext('this', context);
  const web = { window: root, self: root, location: { href: 'http://old.example/' }, URL, WebSocket, setTimeout, clearTimeout, console, atob, btoa, crypto: { getRandomValues: (a) => crypto.getRandomValues(a) } };
  for (const name of WEB) root[name] = web[name];
  return { context, root, gone: [...gone] };
}

// loadOldClient runs the script at path there and returns its class. Values cross over: JSON is the
// tests' own, so that what is parsed compares equal, and an ArrayBuffer of there is one here.
export function loadOldClient(path, WebSocket) {
  const { context, root } = oldWorld(WebSocket);
  root.JSON = JSON;
  Object.defineProperty(ArrayBuffer, Symbol.hasInstance, { configurable: true, value: (v) => Object.prototype.toString.call(v) === '[object ArrayBuffer]' });
  vm.runInContext(readFileSync(path, 'utf8'), context, { filename: path });
  return root.SmartSocketClient;
}
