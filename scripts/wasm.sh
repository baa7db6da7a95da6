#!/usr/bin/env bash
# Builds the browser client, as far as Go alone can, into dist/ and copies what the demo page needs, compressed too, to where
# go:embed finds it. It does nothing if neither a source nor a result has changed since the last
# time. "wasm.sh changed" only tells by its exit status whether there is something to do.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/env.sh
to=cmd/server/web/dist
stamp=$to/.built

# state names every source and every result with its checksum. The sources of Go are those of all
# the packages that the engine is made of; the compiler is its version.
state() {
	go version
	go env GOFLAGS GOEXPERIMENT GOWASM
	GOOS=js GOARCH=wasm go list -deps -f '{{if not .Standard}}{{$d := .Dir}}{{range .GoFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}{{range .SFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}{{range .EmbedFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}{{end}}' ./wasm |
		sed '/^$/d' | tr '\n' '\0' | xargs -0 cksum
	cksum go.mod go.sum LICENSE scripts/wasm.sh wasm/build.sh wasm/js/src/* wasm/js/package/*.json wasm/js/package/*.md "$to"/*
	find dist -maxdepth 1 -type f ! -name '.*' ! -name '*.d.*' ! -name 'SmartSocketClient.js*' -print0 | sort -z | xargs -0 cksum
}
fresh() { [ -f $stamp ] && [ "$(state 2>&1)" = "$(cat $stamp)" ]; }

if [ "${1:-}" = changed ]; then
	if fresh; then exit 1; else exit 0; fi
fi
if fresh; then exit 0; fi
rm -f $stamp
find . -maxdepth 1 -type d -name 'dist.*' -exec rm -rf {} + # of a run that was killed
fetching sh wasm/build.sh
for file in index.js js.js wasm.js flate.js move.js sealing.js state.js smartsocket.wasm; do
	cp "dist/$file" "$to/$file"
	gzip -9 -n -c "dist/$file" >"$to/$file.gz"
done
state >$stamp.new
mv $stamp.new $stamp
printf 'browser client: %d kB wasm, %d kB compressed\n' \
	$(($(wc -c <dist/smartsocket.wasm) / 1000)) $(($(wc -c <"$to/smartsocket.wasm.gz") / 1000))
