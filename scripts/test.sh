#!/usr/bin/env bash
# Everything: the checks, the browser client in Node, then all Go tests, first
# under the race detector where goroutines meet, at last as they ship.
set -euo pipefail
cd "$(dirname "$0")/.."
step() { printf '\n== %s\n' "$*"; }
start=$SECONDS

step 'Go modules'
go mod download
go version

scripts/lint.sh

step 'browser client'
scripts/wasm.sh

step 'browser client in Node.js'
(
	cd wasm/js
	npm ci --no-audit --no-fund --loglevel=error
	npm test
)

step 'npm package'
mkdir -p artifacts
scripts/npm-pack.sh artifacts

step browsers
REQUIRE_BROWSER=$(scripts/browsers.sh) # the tests in these now fail, instead of being skipped, when a browser cannot be started
export REQUIRE_BROWSER
echo "present: ${REQUIRE_BROWSER:-none}"

step 'Go tests under the race detector'
race=$(go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' ./... |
	grep -Ev '/(bench|examples|conformance|internal/(archtest|browsertest|leaktest|selfsigned))(/|$)|/(frame|crypto|wasm)$')
# shellcheck disable=SC2086  # one word a package
go test -race -timeout 8m $race

printf '\n== Go tests (%d s so far)\n' $((SECONDS - start))
go test -count=1 -timeout 8m ./...
