// What differs between a page, a worker and Node, and between the two builds. The build's last lines fill it in.

export var environment = {
  // root is the global object.
  root: typeof globalThis === 'object' ? globalThis : typeof self === 'object' ? self : window,
  // baseURL is where the client's files lie.
  baseURL: '',
  // loadScript runs the script at url and resolves when it ran.
  loadScript: function (url) { return loadClassic(url); },
  // readFile returns the bytes of a file: URL (Node only).
  readFile: function (url) {
    var fs = typeof process === 'object' && process.getBuiltinModule && process.getBuiltinModule('fs');
    if (!fs) throw new Error('file: URLs can be read only by Node 20.16 or newer');
    return fs.readFileSync(new URL(url));
  }
};

// loadClassic loads a script the way a page or a classic worker does.
function loadClassic(url) {
  return new Promise(function (resolve, reject) {
    if (typeof document === 'object') {
      var element = document.createElement('script');
      element.src = url;
      element.onload = function () { element.parentNode.removeChild(element); resolve(); };
      element.onerror = function () { element.parentNode.removeChild(element); reject(new Error('could not load ' + url)); };
      (document.head || document.documentElement).appendChild(element);
    } else if (typeof importScripts === 'function') {
      importScripts(url);
      resolve();
    } else {
      reject(new Error('no way to load ' + url + ' here'));
    }
  });
}
