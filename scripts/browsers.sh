#!/usr/bin/env bash
# Makes sure that there are browsers for the tests: installs Debian's Chromium and
# Firefox when run as root, else says what will be skipped. The names of those
# that are there go to stdout, in the form that REQUIRE_BROWSER takes.
set -uo pipefail
present() {
	for command in "$@"; do
		command -v "$command" >/dev/null && return 0
	done
	return 1
}
chromium() { present chromium chromium-browser google-chrome headless-shell; }
firefox() { present firefox-esr firefox; }

wanted=()
chromium || wanted+=(chromium)
firefox || wanted+=(firefox-esr)
if [ ${#wanted[@]} -gt 0 ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	echo "installing ${wanted[*]}" >&2
	export DEBIAN_FRONTEND=noninteractive
	log=$(mktemp)
	apt-get update >"$log" 2>&1
	for package in "${wanted[@]}"; do
		apt-get install -y --no-install-recommends "$package" >>"$log" 2>&1 || tail -n 5 "$log" >&2
	done
	rm -f "$log"
fi
for browser in chromium firefox; do
	if $browser; then echo "$browser"; else
		echo "There is no $browser: its tests will be skipped. Install the package ${browser/firefox/firefox-esr} to run them." >&2
	fi
done | tr '\n' ' '
