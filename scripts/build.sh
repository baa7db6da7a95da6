#!/usr/bin/env bash
# Builds the server with the browser client inside:
# build.sh bin/smartsocket-server [go build flags].
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/env.sh
export GOGC=${GOGC:-400} # the compiler then takes a fifth less time, and 400 MB
out=$1
shift
if scripts/wasm.sh changed; then
	# What takes long on a cold cache, the packages for the browser, for the server and for esbuild,
	# is compiled side by side. Afterwards little more than linking is left.
	echo 'building; the first time takes about a minute'
	compile() {
		GOOS=js GOARCH=wasm go build -trimpath -o /dev/null ./wasm &
		engine=$!
		# shellcheck disable=SC2046  # one word a package
		env "${target[@]}" go build "$@" $(go list -f '{{join .Imports "\n"}}' ./cmd/server) &&
			go build $(go list -f '{{join .Imports "\n"}}' github.com/evanw/esbuild/cmd/esbuild)
		local code=$?
		wait $engine && return $code
	}
	fetching compile "$@"
	scripts/wasm.sh
fi
fetching env "${target[@]}" go build "$@" -o "$out" ./cmd/server
