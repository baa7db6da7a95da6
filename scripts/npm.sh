#!/usr/bin/env bash
# Installs the npm packages of a folder from its package-lock.json: npm.sh wasm/js. It does nothing
# when what was installed last is what the lock file and this Node.js ask for.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/env.sh
scripts/need.sh node
cd "$1"
stamp=node_modules/.installed
wanted=$(cksum package.json package-lock.json && node --version)
if [ -f $stamp ] && [ "$(cat $stamp)" = "$wanted" ]; then exit 0; fi
rm -f $stamp
if ! fetching npm ci --include=dev --no-audit --no-fund --loglevel=error; then
	echo "npm could not install the packages of $1/package-lock.json; see above." >&2
	exit 1
fi
mkdir -p node_modules # npm makes none for no packages
printf '%s\n' "$wanted" >$stamp
