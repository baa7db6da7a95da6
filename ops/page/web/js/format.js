// Numbers, durations and times for people.

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const fine = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });

/** count is a number with separators. @param {number} n */
export function count(n) {
  return whole.format(n);
}

/** rate is a number of things per second. @param {number} n */
export function rate(n) {
  return (n >= 100 ? whole : tenth).format(n);
}

/** bytes is a size. @param {number} n */
export function bytes(n) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  while (Math.abs(n) >= 1024 && unit < units.length - 1) {
    n /= 1024;
    unit++;
  }
  return `${unit === 0 || n >= 100 ? whole.format(n) : fine.format(n)} ${units[unit]}`;
}

/** ms is a short duration, given in milliseconds. @param {number} n */
export function ms(n) {
  if (n === Infinity) return 'more than 4 s';
  if (n >= 10000) return span(n);
  if (n >= 1000) return `${fine.format(n / 1000)} s`;
  if (n > 0 && n < 1) return `${whole.format(Math.max(1, n * 1000))} µs`;
  return `${n >= 100 ? whole.format(n) : fine.format(n)} ms`;
}

/** span is a long duration, given in milliseconds. @param {number} n */
export function span(n) {
  const s = Math.floor(n / 1000);
  if (s < 60) return `${s} s`;
  const [long, short, unit] = s < 3600 ? ['min', 's', 60] : s < 86400 ? ['h', 'min', 3600]
    : ['d', 'h', 86400];
  const rest = Math.floor((s % unit) / (unit === 86400 ? 3600 : unit / 60));
  return `${Math.floor(s / unit)} ${long}${rest ? ` ${rest} ${short}` : ''}`;
}

/** clock is the local time of day, with milliseconds if exact. @param {Date} at */
export function clock(at, exact = false) {
  const two = (n) => String(n).padStart(2, '0');
  const text = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  return exact ? `${text}.${String(at.getMilliseconds()).padStart(3, '0')}` : text;
}

/** many is a number with its noun. @param {number} n @param {string} one @param {string} more */
export function many(n, one, more = `${one}s`) {
  return `${count(n)} ${n === 1 ? one : more}`;
}

/** words makes a name of the API readable: notResumed is "not resumed". @param {string} name */
export function words(name) {
  return name.replace(/[_-]/g, ' ').replace(/([a-z])([A-Z])/g, (_, a, b) => a + ' ' +
    b.toLowerCase());
}
