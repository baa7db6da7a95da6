// Go's own wasm_exec.js, kept from leaving anything in the page: it sees the few names it needs as locals.
function loadGo(root) {
"use strict";
var none = function () { var e = new Error("not implemented"); e.code = "ENOSYS"; return e; };
var pending = "";
var process = { pid: -1, ppid: -1, getuid: function () { return -1; } };
var path = {};
var fs = {
	constants: { O_WRONLY: -1, O_RDWR: -1, O_CREAT: -1, O_TRUNC: -1, O_APPEND: -1, O_EXCL: -1, O_DIRECTORY: -1 },
	writeSync: function (fd, bytes) { // only the Go runtime's last words come here
		var lines = (pending + new TextDecoder().decode(bytes)).split("\n");
		pending = lines.pop();
		lines.forEach(function (line) { console.error("[smartsocket] [error] " + line); });
		return bytes.length;
	},
	write: function (fd, bytes, offset, length, position, callback) { callback(none()); }
};
var globalThis = {
	Object: Object, Array: Array, Uint8Array: Uint8Array, Date: Date,
	TextEncoder: TextEncoder, TextDecoder: TextDecoder, crypto: root.crypto, performance: root.performance,
	fs: fs, process: process, path: path
};
