// plain is a state's value as JSON has it: Maps as objects, and bytes and numbers as leaf says; in
// hex, and as they are, if it says nothing.
export function plain(value, leaf = (v) => v instanceof Uint8Array ? Buffer.from(v).toString('hex') : v) {
  const all = (v) => plain(v, leaf);
  if (value instanceof Map) return Object.fromEntries(Array.from(value, ([k, v]) => [k, all(v)]));
  if (value instanceof Uint8Array || typeof value === 'number') return leaf(value);
  if (Array.isArray(value)) return value.map(all);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, v]) => [name, all(v)]));
}
