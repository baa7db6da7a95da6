// The logger: five levels, one line per entry, payloads only at trace.

export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug' | 'trace';

export interface Logger {
  setLevel(level: LogLevel): void;
  enabled(level: LogLevel): boolean;
  error(text: string, detail?: unknown): void;
  warn(text: string, detail?: unknown): void;
  info(text: string, detail?: unknown): void;
  debug(text: string, detail?: unknown): void;
  trace(text: string, detail?: unknown): void;
}

// trace logs data that is sent or received.
export function trace(log: Logger, done: string, event: string, data: unknown): void {
  if (!log.enabled || !log.enabled('trace')) return;
  const shown = data instanceof Uint8Array || data instanceof ArrayBuffer
    ? data.byteLength + ' bytes' : data;
  log.trace(`${done} "${event}": ${shown}`);
}

type Writing = Exclude<LogLevel, 'silent'>;

const LEVELS = { silent: 0, error: 1, warn: 2, info: 3, debug: 4, trace: 5 };

declare const process: { env?: Record<string, string | undefined> } | undefined;

// debugRequested reports whether the page or the process asked for SmartSocket's debug lines.
function debugRequested(): boolean {
  const wanted = /(^|[\s,])(\*|smartsocket(:\*)?)($|[\s,])/;
  try {
    if (typeof process === 'object' && process.env && wanted.test(process.env.DEBUG || '')) {
      return true;
    }
    return typeof localStorage === 'object' && wanted.test(localStorage.getItem('debug') || '');
  } catch {
    return false; // the page may not be allowed to use storage
  }
}

function toConsole(level: Writing, text: string, detail: unknown): void {
  if (typeof console !== 'object') return;
  const method = level === 'trace' ? 'debug' : level; // console.trace would print a stack
  const write = console[method] || console.log;
  const line = `[smartsocket] [${level}] ${text}`;
  if (detail === undefined) write.call(console, line);
  else write.call(console, line, detail);
}

/** A logger that writes to the console, or to sink. */
export function createLogger(
  sink?: (level: LogLevel, text: string, detail?: unknown) => void,
): Logger {
  const write = sink || toConsole;
  let threshold = -1; // until it is needed: a module may set DEBUG after its imports
  const enabled = (level: LogLevel): boolean => {
    if (threshold < 0) threshold = debugRequested() ? LEVELS.debug : LEVELS.warn;
    return LEVELS[level] <= threshold;
  };
  const at = (level: Writing) => (text: string, detail?: unknown): void => {
    if (enabled(level)) write(level, text, detail);
  };
  return {
    setLevel(name) {
      if (!Object.prototype.hasOwnProperty.call(LEVELS, name)) {
        throw new TypeError(`unknown log level "${name}"; use ${Object.keys(LEVELS)}`);
      }
      threshold = LEVELS[name];
    },
    enabled,
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
    trace: at('trace'),
  };
}

/**
 * The logger of every client that is given none; it starts at warn, or at debug when DEBUG (Node)
 * or localStorage.debug lists *, smartsocket or smartsocket:* when the first line is due.
 */
export const logger: Logger = createLogger();
