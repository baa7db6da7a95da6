// plain is a state's value as JSON has it: Maps as objects, bytes in hex.
export function plain(value) {
  if (value instanceof Map) {
    return Object.fromEntries(Array.from(value, ([key, v]) => [key, plain(v)]));
  }
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, v]) => [name, plain(v)]));
}
