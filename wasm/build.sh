#!/bin/sh
# Builds the browser client into dist/ or into the directory named as argument: the engine, the ES
# modules, and their CommonJS form for Node. The same sources give the same bytes. Files are moved to
# their places when all are done. It needs Go alone; what the npm package has besides, the
# declarations and SmartSocketClient.js, is added by js/package/build.mjs with Node.
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
mkdir "$dist" "$work/src"
cp "$here"/js/src/*.ts "$(go env GOROOT)/lib/wasm/wasm_exec.js" "$work/src"

# The engine is compiled while esbuild, the compiler of the rest, is built and at work.
(cd "$here" && GOOS=js GOARCH=wasm go build -trimpath -buildvcs=false -ldflags='-s -w -buildid=' -o "$dist/smartsocket.wasm" .) &
engine=$!
esbuild=$(cd "$here" && CGO_ENABLED=0 go tool -n esbuild)
version=$(sed -n 's/^ *"version": "\(.*\)",$/\1/p' "$here/js/package/package.json")
about='SmartSocket client, MIT'
go="$about; holds Go's wasm_exec.js, BSD, see LICENSE-GO"

# What modules may use beyond ES2020: private members and class fields, which would become WeakMaps.
# Chrome 84, Firefox 90 and Safari 15 have them all.
private='--supported:class-field=true --supported:class-private-field=true
	--supported:class-private-method=true'
# What begins with _ is for the other files of the client alone, and gets a short name.

# pack SOURCE FILE BANNER OPTIONS...: one file of dist, minified, with its source map. It fails on
# syntax that the target does not have. Other entries are imported under the package's name; here
# they are files beside each other.
pack() {
	source=$1 file=$2 banner=$3
	shift 3
	(cd "$work/src" && "$esbuild" "$source" --bundle --minify --charset=utf8 \
		--legal-comments=none --log-level=warning --banner:js="/*! $banner */${head-}" \
		--define:SMARTSOCKET_VERSION="\"$version\"" --sourcemap --sources-content=true \
		--tsconfig-raw='{"compilerOptions":{"useDefineForClassFields":true}}' \
		--mangle-props=^_[a-z] --external:node:* --external:ws "$@" --outfile="$dist/$file")
}

# later is what an ES module loads when it is needed.
later='--external:./flate.js --external:./keep.js --external:./move.js --external:./sealing.js --external:./wasm.js'

# module SOURCE FILE OPTIONS...: an ES module. common SOURCE FILE OPTIONS...: the same for require,
# without import(), which Jest does not have.
module() {
	source=$1 file=$2
	shift 2
	# shellcheck disable=SC2086  # several options
	pack "$source" "$file" "$about" --format=esm --target=es2020 $private \
		--alias:@smartsocket/client/js=./js.js --external:./js.js --define:COMMONJS=false "$@"
}
common() {
	source=$1 file=$2
	shift 2
	pack "$source" "$file" "$about" --format=cjs --platform=node --target=node20 \
		--define:import.meta.url=moduleURL --define:COMMONJS=true \
		--alias:@smartsocket/client/js=./js.cjs --external:./*.cjs "$@"
}

# gopack SOURCE FILE OPTIONS...: what contains Go's loader, whose globalThis is ours.
gopack() {
	source=$1 file=$2
	shift 2
	# shellcheck disable=SC2086  # several options
	pack "$source" "$file" "$go" --target=es2020 $private --define:globalThis=goWorld \
		--inject:./go-world.ts "$@"
}

# shellcheck disable=SC2086  # several options
{
	module js.ts js.js $later
	module index.ts index.js $later
	module node.ts node.js $later --minify-whitespace=false # for what comments tell bundlers
}
module static.ts static.js
module logger-entry.ts logger.js
# The logger of the static entry, which React Native has in place of the others.
module logger-entry.ts static-logger.js --alias:@smartsocket/client/js=./static.js --external:./static.js
module flate.ts flate.js
module sealing.ts sealing.js
module keep.ts keep.js
module move.ts move.js
gopack wasm.ts wasm.js --format=esm
gopack wasm-exec.ts wasm_exec.js --format=iife
# In Jest's world of pages there is no global TextEncoder.
head='const{TextEncoder,TextDecoder}=require("node:util");' gopack wasm.ts wasm.cjs --format=cjs --platform=node
common static.ts js.cjs
common node.ts node.cjs --inject:./cjs-url.ts
common logger-entry.ts logger.cjs
module state.ts state.js
# shellcheck disable=SC2086  # several options
pack state.ts state-static.js "$about" --format=esm --target=es2020 $private \
	--alias:@smartsocket/client/js=./static.js --external:./static.js # for React Native
common state.ts state.cjs
for framework in react vue svelte; do
	module $framework.ts $framework.js --external:$framework
	common $framework.ts $framework.cjs --external:$framework
done

cp "$here/js/package/package.json" "$here/js/package/README.md" "$here/../LICENSE" "$dist"
cp "$(go env GOROOT)/LICENSE" "$dist/LICENSE-GO"

wait $engine
rm -f "$into"/*.js "$into"/*.cjs "$into"/*.map "$into"/*.d.ts "$into"/*.d.cts
mv "$dist"/* "$into"
