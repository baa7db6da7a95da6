#!/bin/sh
# Builds the browser client into dist/ (or into the directory named as argument): the engine, Go's loader for it and the shell,
# as ES module (smartsocket-client.js) and as plain script (SmartSocketClient.js), both minified. The same sources give the same bytes.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
dist=${1:-$here/../dist}
src=$here/js/src
mkdir -p "$dist"
dist=$(cd "$dist" && pwd)

(cd "$here" && GOOS=js GOARCH=wasm go build -trimpath -buildvcs=false -ldflags='-s -w -buildid=' -o "$dist/smartsocket.wasm" .)
cat "$here/js/go-head.js" "$(go env GOROOT)/lib/wasm/wasm_exec.js" "$here/js/go-tail.js" >"$dist/wasm_exec.js"

# The modules in the order of their imports, without import and export: neither build needs a bundler.
shell_body() {
	for part in errors logger wire bytes environment key flate sha256 aes sealing engine-js engine-wasm engine payload options backoff listeners session client emit; do
		sed -e '/^import /d' -e 's/^export //' -e '/^\/\//d' "$src/$part.js"
	done
}

# minify fails on syntax that the target, its first argument, does not have.
minify() {
	(cd "$here" && go tool esbuild --minify --charset=utf8 --log-level=warning --banner='/* SmartSocket client. Sources: wasm/js/src; API: index.d.ts. */' "$@")
}

{
	shell_body
	cat <<'JS'
environment.baseURL = import.meta.url;
environment.loadScript = function (url) { return import(url); };
export { SmartSocketClient, SmartSocketError, CODES, logger, createLogger };
export default SmartSocketClient;
JS
} | minify --target=es2020 --format=esm | sed 's|return import(|&/* @vite-ignore */ /* webpackIgnore: true */ |' >"$dist/smartsocket-client.js"
{
	echo '(function () {'
	echo '"use strict";'
	shell_body
	cat <<'JS'
environment.baseURL = scriptURL();
function scriptURL() {
  if (typeof document === 'object' && document.currentScript) return document.currentScript.src;
  var found = /((?:https?|file):[^\s()]*?):\d+(?::\d+)?\)?$/m.exec(new Error().stack || ''); // a worker's scripts have no other way to know
  return found ? found[1] : environment.root.location ? environment.root.location.href : '';
}
SmartSocketClient.SmartSocketError = SmartSocketError;
SmartSocketClient.CODES = CODES;
SmartSocketClient.logger = logger;
environment.root.SmartSocketClient = SmartSocketClient;
})();
JS
} | minify --target=es5 >"$dist/SmartSocketClient.js"
cp "$here/js/index.d.ts" "$dist/index.d.ts"
cp "$here/js/dist-package.json" "$dist/package.json"
