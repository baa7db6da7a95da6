#!/usr/bin/env bash
# Says what is missing: need.sh go|node.
set -euo pipefail
case $1 in
go)
	if ! command -v go >/dev/null; then
		echo 'Go is missing: install Go 1.26 or newer (https://go.dev/dl/) and put it on the PATH.' >&2
		exit 1
	fi
	;;
node)
	if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
		echo 'Node.js is missing: install Node.js 20 or newer with npm (https://nodejs.org/); the browser client is tested with it.' >&2
		exit 1
	fi
	if [ "$(node -p 'process.versions.node.split(".")[0]')" -lt 20 ]; then
		echo "Node.js $(node --version) is too old: install version 20 or newer." >&2
		exit 1
	fi
	;;
esac
