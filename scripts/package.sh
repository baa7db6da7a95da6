#!/usr/bin/env bash
# Completes the browser client in dist/ to the npm package, with Node: the declarations, and
# SmartSocketClient.js for old browsers. It does nothing if neither a source nor a result has changed
# since the last time.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/env.sh
scripts/need.sh node
scripts/wasm.sh
scripts/npm.sh wasm/js
stamp=wasm/js/node_modules/.packaged
state() {
	cksum go.sum wasm/js/package-lock.json wasm/js/tsconfig.json wasm/js/src/* wasm/js/package/* dist/*
}
if [ -f $stamp ] && [ "$(state 2>&1)" = "$(cat $stamp)" ]; then exit 0; fi
rm -f $stamp
node wasm/js/package/build.mjs
state >$stamp.new
mv $stamp.new $stamp
