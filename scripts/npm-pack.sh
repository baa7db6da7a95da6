#!/usr/bin/env bash
# Packs the browser client as smartsocket-client-<version>.tgz into the top
# folder, or into the one named, and lets publint and arethetypeswrong check it.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/env.sh
out=$(cd "${1:-.}" && pwd)
scripts/package.sh
bin=$PWD/wasm/js/node_modules/.bin
cd dist
"$bin/publint" --strict .
tarball=$(npm pack --silent --pack-destination "$out")
# what has no types is left out
"$bin/attw" "$out/$tarball" --format ascii --exclude-entrypoints ./SmartSocketClient.js ./smartsocket.wasm ./wasm_exec.js
printf '%s: %d kB\n' "$tarball" $(($(wc -c <"$out/$tarball") / 1000))
