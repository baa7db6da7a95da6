#!/usr/bin/env bash
# The checks that run no test: formatting, vet, staticcheck, for every platform
# that the code is built for, and the syntax of the page's scripts.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/env.sh
scripts/need.sh node
step() { printf '\n== %s\n' "$*"; }

step gofmt
# The one that comes with the Go in use; the PATH may have another or none. Go itself passes over
# folders with such names.
gofmt=$(go env GOROOT)/bin/gofmt
if [ ! -x "$gofmt" ]; then gofmt=gofmt; fi
unformatted=$(find . -type d \( -name '.?*' -o -name '_*' -o -name node_modules \) -prune \
	-o -name '*.go' -exec "$gofmt" -l {} +)
if [ -n "$unformatted" ]; then
	printf 'not formatted, run gofmt -w:\n%s\n' "$unformatted" >&2
	exit 1
fi

export GOGC=${GOGC:-400} # see build.sh
step go vet
fetching go vet ./...
step 'go vet, browser build'
GOOS=js GOARCH=wasm go vet ./wasm/... ./message/... ./pool/... ./crypto/... ./client/... ./room/state ./examples/browser-go
step 'go vet, arm64'
GOARCH=arm64 go vet . ./reactor ./websocket ./frame ./message ./pool ./handover
for module in bench/compare deploy ops/tracing; do
	if [ -f $module/go.mod ]; then
		step "go vet, $module"
		(cd $module && fetching go vet ./...)
	fi
done

step staticcheck
checker=$(mktemp -d)
trap 'rm -rf "$checker"' EXIT
fetching go build -o "$checker/staticcheck" honnef.co/go/tools/cmd/staticcheck
unset GOGC # staticcheck needs much memory as it is
"$checker/staticcheck" ./...
GOOS=js GOARCH=wasm "$checker/staticcheck" ./wasm ./client ./message ./examples/browser-go

step TypeScript
scripts/npm.sh wasm/js
(cd wasm/js && node_modules/.bin/tsc)
wasm/js/node_modules/.bin/tsc -p ops/page

step 'page scripts'
for file in cmd/server/web/js/*.js bench/browser/page/*.js ops/page/testdata/*.js; do node --check "$file"; done
for file in scripts/*.sh wasm/build.sh .ci/run; do bash -n "$file"; done
echo 'no findings'
