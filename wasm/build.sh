#!/bin/sh
# Builds the browser client, which is the npm package too, into dist/ or into the directory named as
# argument: the engine, the ES modules, their CommonJS form for Node, and SmartSocketClient.js, one
# plain script. The same sources give the same bytes. Files are moved to their places when all are
# done.
set -eu

unset CDPATH
here=$(cd "$(dirname "$0")" && pwd)
into=${1:-$here/../dist}
mkdir -p "$into"
into=$(cd "$into" && pwd)
work=$(mktemp -d "$into.XXXXXX")
trap 'wait; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
dist=$work/dist
mkdir "$dist"
cp "$here"/js/src/*.js "$work"
version=$(sed -n 's/^ *"version": "\(.*\)",$/\1/p' "$here/js/package/package.json")
sed "s|smartsocket-js/dev|smartsocket-js/$version|" "$here/js/src/link.js" >"$work/link.js"

# The engine is compiled while esbuild, the compiler of the rest, is built and at work.
(cd "$here" && GOOS=js GOARCH=wasm go build -trimpath -buildvcs=false -ldflags='-s -w -buildid=' -o "$dist/smartsocket.wasm" .) &
engine=$!
esbuild=$(cd "$here" && CGO_ENABLED=0 go tool -n esbuild)

# Go's loader: as a module inside wasm.js, as a plain script for SmartSocketClient.js.
loader=$work/loader.js
cat "$here/js/go-head.js" "$(go env GOROOT)/lib/wasm/wasm_exec.js" "$here/js/go-tail.js" >"$loader"
{ cat "$loader" && echo 'export { loadGo };'; } >"$work/go.js"
{
	echo '(function (root) {'
	cat "$loader"
	echo 'Object.defineProperty(root, Symbol.for("@smartsocket/go"), { value: loadGo(root), configurable: true });'
	echo '})(typeof self === "object" ? self : global);'
} >"$dist/wasm_exec.js"

about='SmartSocket client. Sources: wasm/js/src; API: index.d.ts. MIT'

# What no other file and no application names; the compiled client calls it something short.
private='^(_.*|phase|config|hooks|table|refusal|socket|timer|watch|watchSilence|heard|pinged|since|interval|aheads|rtts|threshold|setLimit|limit|undecodable|distrust|unseal|prepared|handshake|greet|received|explain|detach|opened|uvarint|units|low|high|bytes|settle|hello|pong|take|number|write)$'

# pack file banner options...: one file of dist, minified; it fails on syntax that the target does
# not have.
pack() {
	file=$1 banner=$2
	shift 2
	(cd "$here" && "$esbuild" "$work/$file" --bundle --minify --charset=utf8 --legal-comments=none --log-level=warning --banner:js="/*! $banner */" "$@")
}

pack js.js "$about" --mangle-props="$private" --format=esm --target=es2020 --external:./flate.js --external:./sealing.js --outfile="$dist/js.js"
pack index.js "$about" --format=esm --target=es2020 --external:./js.js --external:./wasm.js --outfile="$dist/index.js"
pack node.js "$about" --format=esm --target=es2020 --external:./js.js --external:./wasm.js --external:node:* --external:ws --outfile="$dist/node.js"
pack logger-entry.js "$about" --format=esm --target=es2020 --external:./js.js --outfile="$dist/logger.js"
pack flate.js "$about" --format=esm --target=es2020 --outfile="$dist/flate.js"
pack sealing.js "$about" --format=esm --target=es2020 --outfile="$dist/sealing.js"
pack wasm.js "$about; holds Go's wasm_exec.js, BSD, see LICENSE-GO" --format=esm --target=es2020 --outfile="$dist/wasm.js"
pack script.js "$about" --mangle-props="$private" --format=iife --target=es5 --outfile="$dist/SmartSocketClient.js"

# The same for require; what is loaded later stays modules, which import() takes.
for name in js node logger; do
	address=
	if [ $name = node ]; then address='
const moduleURL = require("node:url").pathToFileURL(__filename).href;'; fi
	sed -e 's|\./js\.js|./js.cjs|g' -e 's|import\.meta\.url|moduleURL|g' "$dist/$name.js" >"$work/$name.mjs"
	pack "$name.mjs" "$about */$address/*" --bundle=false --format=cjs --platform=node --target=node20 --outfile="$dist/$name.cjs"
done

for name in index js logger; do
	cp "$here/js/package/$name.d.ts" "$dist"
	sed "s|'\\./index\\.js'|'./index.cjs'|" "$here/js/package/$name.d.ts" >"$dist/$name.d.cts"
done
cp "$here/js/package/package.json" "$here/js/package/README.md" "$here/../LICENSE" "$dist"
cp "$(go env GOROOT)/LICENSE" "$dist/LICENSE-GO"

wait $engine
rm -f "$into"/*.js "$into"/*.cjs
mv "$dist"/* "$into"
