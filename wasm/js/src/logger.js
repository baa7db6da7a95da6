// The logger: five levels, one line per entry, payloads only at trace.

var LEVELS = { silent: 0, error: 1, warn: 2, info: 3, debug: 4, trace: 5 };

// debugRequested reports whether the page or the process asked for SmartSocket's debug lines.
function debugRequested() {
  try {
    if (typeof process === 'object' && process.env && /smartsocket:\*/.test(process.env.DEBUG || '')) return true;
    return typeof localStorage === 'object' && /smartsocket:\*/.test(localStorage.getItem('debug') || '');
  } catch (e) {
    return false; // the page may not be allowed to use storage
  }
}

// createLogger makes a logger that writes to the console, or to sink(level, text, detail).
export function createLogger(sink) {
  var threshold = debugRequested() ? LEVELS.debug : LEVELS.warn;
  var logger = {
    setLevel: function (name) {
      if (!Object.prototype.hasOwnProperty.call(LEVELS, name)) {
        throw new TypeError('unknown log level "' + name + '"; use ' + Object.keys(LEVELS));
      }
      threshold = LEVELS[name];
    },
    enabled: function (name) { return LEVELS[name] <= threshold; }
  };
  ['error', 'warn', 'info', 'debug', 'trace'].forEach(function (name) {
    logger[name] = function (text, detail) {
      if (LEVELS[name] > threshold) return;
      if (sink) { sink(name, text, detail); return; }
      if (typeof console !== 'object') return;
      var write = name === 'trace' ? 'debug' : name; // console.trace would print a stack
      var line = '[smartsocket] [' + name + '] ' + text;
      if (detail === undefined) (console[write] || console.log).call(console, line);
      else (console[write] || console.log).call(console, line, detail);
    };
  });
  return logger;
}

// logger is shared by all clients without a logger of their own.
export var logger = createLogger();
