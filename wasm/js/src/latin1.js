// latin1 returns the bytes of a string whose characters are at most 255. Chrome has Uint8Array.from
// only since version 45.
export function latin1(s) {
  var bytes = new Uint8Array(s.length);
  for (var i = 0; i < s.length; i++) bytes[i] = s.charCodeAt(i);
  return bytes;
}
