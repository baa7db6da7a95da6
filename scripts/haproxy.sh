#!/usr/bin/env bash
# Makes sure that HAProxy is there. As root it is installed with apt-get if it is missing.
set -uo pipefail
type -P haproxy >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && type -P apt-get >/dev/null; then
	echo "installing the package haproxy" >&2
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq >&2 && apt-get install -y -qq --no-install-recommends haproxy >&2
	type -P haproxy >/dev/null && exit 0
fi
echo "HAProxy is missing, and make restart-demo measures behind a real one. Install it, as with:" >&2
echo "  sudo apt-get install haproxy" >&2
exit 1
