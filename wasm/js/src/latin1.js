// latin1 returns the bytes of a string of characters up to 255: Uint8Array.from, which Chrome has only from 45 on.
export function latin1(s) {
  var bytes = new Uint8Array(s.length);
  for (var i = 0; i < s.length; i++) bytes[i] = s.charCodeAt(i);
  return bytes;
}
