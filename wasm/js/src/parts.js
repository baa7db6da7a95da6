// The parts of the js engine that only some connections need: DEFLATE and encryption. A connection
// loads them before its CONNECT.

// parts holds the exports of flate.js and sealing.js once they are loaded.
export var parts = { flate: null, sealing: null };

// loaders resolve with the exports of a part. js.js fills them in; script.js sets the parts
// themselves.
export var loaders = { flate: null, sealing: null };

// loadPart resolves once parts[name] is loaded.
export function loadPart(name) {
  if (parts[name]) return Promise.resolve();
  return loaders[name]().then(function (part) { parts[name] = part; }, function (e) {
    throw new Error(name + '.js, which must lie beside the client, did not load: ' + (e && e.message));
  });
}
