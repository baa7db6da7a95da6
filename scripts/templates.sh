#!/usr/bin/env bash
# Builds and runs projects of examples/web with the browser client, in Chromium where they have a
# page: templates.sh all, or names as in "vite-react,webpack". "templates.sh lock NAME" writes the
# lock file of one instead, from its package.json.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/env.sh
scripts/need.sh node

# lock writes a lock file without our own package, whose checksum is another one with each build.
lock() {
	local work
	work=$(mktemp -d)
	trap 'rm -rf "$work"' RETURN
	cp examples/web/.npmrc "$work"
	if [ -f "examples/web/$1/package-lock.json" ]; then cp "examples/web/$1/package-lock.json" "$work"; fi
	node -e '
		const manifest = JSON.parse(require("fs").readFileSync(process.argv[1]));
		delete (manifest.dependencies ?? {})["@smartsocket/client"];
		console.log(JSON.stringify(manifest));' "examples/web/$1/package.json" >"$work/package.json"
	(cd "$work" && fetching npm install --package-lock-only --no-audit --no-fund --loglevel=error)
	cp "$work/package-lock.json" "examples/web/$1"
}
if [ "${1:-}" = lock ]; then
	lock "$2"
	exit
fi

scripts/package.sh
if [ -z "${REQUIRE_BROWSER:-}" ]; then
	REQUIRE_BROWSER=$(scripts/browsers.sh)
	export REQUIRE_BROWSER
fi
TEMPLATES=${1:-all} fetching go test -count=1 -timeout=60m -v ./examples/web
