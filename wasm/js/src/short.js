// Short texts and messages, for which a call into the browser costs more than the bytes do.

var SHORT = 256, NAMES = 64;
var rows = []; // one array of each length, to be used again

function newRow(n) {
  for (var row = []; row.length < n;) row.push(0);
  return rows[n] = row;
}

// ascii decodes n bytes from bytes[at] on. It returns null if they are too many or not ASCII.
// JSON.parse is also faster with these strings than with those of a TextDecoder.
export function ascii(bytes, at, n) {
  if (n > SHORT) return null;
  var row = rows[n] || newRow(n);
  for (var i = 0, all = 0, b; i < n; i++) {
    row[i] = b = bytes[at + i];
    all |= b;
  }
  return all < 128 ? String.fromCharCode.apply(null, row) : null;
}

// putAscii writes s at address at and reports whether it is short and ASCII. If not, the bytes
// there are not valid.
export function putAscii(bytes, at, s) {
  if (s.length > SHORT) return false;
  for (var i = 0, all = 0, c; i < s.length; i++) {
    bytes[at + i] = c = s.charCodeAt(i);
    all |= c;
  }
  return all < 128;
}

// Names remembers decoded event names, because applications use few. It keeps only names in ASCII,
// which have as many characters as bytes.
export function Names() {
  this.known = [];
}

function slotOf(bytes, at, n) { return (n + bytes[at] * 5 + bytes[at + n - 1] * 3) % NAMES; }

// recall returns the name in the n bytes from bytes[at] on, or undefined if it does not know it.
Names.prototype.recall = function (bytes, at, n) {
  var name = this.known[slotOf(bytes, at, n)], i = 0;
  if (!name || name.length !== n) return undefined;
  while (i < n && name.charCodeAt(i) === bytes[at + i]) i++;
  return i === n ? name : undefined;
};

Names.prototype.keep = function (bytes, at, n, name) {
  if (name.length === n) this.known[slotOf(bytes, at, n)] = name;
};
