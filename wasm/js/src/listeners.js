// Event listeners by name. Names come from applications and from the wire, so they are keys of a
// Map and never of an object.

var ALIASES = new Map([['connect', 'connected'], ['connection', 'connected'], ['disconnect', 'disconnected']]);
var LIFECYCLE = new Set(['connected', 'disconnected', 'error', 'reconnecting', 'reconnected']);
var RESERVED = new Set(['connect', 'connection', 'connected', 'disconnect', 'disconnected', 'error', 'rate-limit', 'reconnecting', 'reconnected']);

// isLifecycle reports whether the client itself raises name. Such an event must not come from the
// server.
export function isLifecycle(name) { return LIFECYCLE.has(name) || ALIASES.has(name); }

// isReserved reports whether a client may not send name.
export function isReserved(name) { return RESERVED.has(name) || name.indexOf('__') === 0; }

export function Listeners() {
  // name → array of {fn, once}. Arrays are replaced and never changed, because an emit may be
  // running
  this.table = new Map();
}

Listeners.prototype.add = function (name, fn, once) {
  if (typeof name !== 'string' || name === '') throw new TypeError('an event name is a non-empty string');
  if (typeof fn !== 'function') throw new TypeError('the listener of "' + name + '" must be a function');
  var key = ALIASES.get(name) || name;
  this.table.set(key, (this.table.get(key) || []).concat({ fn: fn, once: once }));
};

// remove removes fn from name, or all listeners of name if fn is undefined.
Listeners.prototype.remove = function (name, fn) {
  var key = ALIASES.get(name) || name;
  var rest = fn === undefined ? [] : (this.table.get(key) || []).filter(function (l) { return l.fn !== fn; });
  if (rest.length > 0) this.table.set(key, rest);
  else this.table.delete(key);
};

Listeners.prototype.has = function (name) { return this.table.has(name); };

// emit calls every listener of name with a and b, and reports whether there were any. If a listener
// throws or its promise is rejected, emit calls failed(error) and the other listeners still run.
Listeners.prototype.emit = function (name, a, b, failed) {
  var list = this.table.get(name), result;
  if (!list) return false;
  for (var i = 0; i < list.length; i++) {
    if (list[i].once && !this.take(name, list[i])) continue;
    try {
      result = list[i].fn(a, b);
      if (result && result.then) result.then(null, failed); // an async function fails later
    } catch (error) {
      failed(error);
    }
  }
  return true;
};

// take removes a once-listener and reports whether it was still there.
Listeners.prototype.take = function (name, listener) {
  var list = this.table.get(name) || [];
  if (list.indexOf(listener) < 0) return false;
  var rest = list.filter(function (l) { return l !== listener; });
  if (rest.length > 0) this.table.set(name, rest);
  else this.table.delete(name);
  return true;
};
