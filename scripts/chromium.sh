#!/usr/bin/env bash
# Makes sure that there is a Chromium for the browser tests: installs Debian's
# when run as root, else says what will be skipped. Exit code 1 = there is none.
set -uo pipefail
found() { command -v chromium || command -v chromium-browser || command -v google-chrome || command -v headless-shell; } >/dev/null
found && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
	echo 'Chromium is missing: the browser tests will be skipped. Install the package chromium to run them.' >&2
	exit 1
fi
echo 'installing chromium'
export DEBIAN_FRONTEND=noninteractive
{ apt-get update && apt-get install -y --no-install-recommends chromium; } >/tmp/smartsocket-chromium.log 2>&1
found && exit 0
tail -n 5 /tmp/smartsocket-chromium.log >&2
echo 'Chromium could not be installed: the browser tests will be skipped.' >&2
exit 1
