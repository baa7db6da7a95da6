#!/usr/bin/env bash
# Builds the browser client into dist/ and copies what the demo page needs,
# compressed too, to where go:embed finds it.
set -euo pipefail
cd "$(dirname "$0")/.."
wasm/build.sh
to=cmd/server/web/dist
for file in index.js js.js wasm.js flate.js sealing.js smartsocket.wasm; do
	cp "dist/$file" "$to/$file"
	gzip -9 -n -c "dist/$file" >"$to/$file.gz"
done
printf 'browser client: %d kB wasm, %d kB compressed\n' \
	$(($(wc -c <dist/smartsocket.wasm) / 1000)) $(($(wc -c <"$to/smartsocket.wasm.gz") / 1000))
