#!/usr/bin/env bash
# Finds browsers for the tests. Only one that starts and shows a page counts. Those that are missing
# are installed with apt-get when this runs as root. The answer goes to stdout in the form that
# REQUIRE_BROWSER takes, as in "chromium=/usr/bin/chromium", or "none"; all else goes to stderr.
# It exits with 1 only if a browser was installed and still does not start.
set -uo pipefail
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

commands_of() {
	case $1 in
	chromium) echo chromium chromium-browser google-chrome google-chrome-stable headless-shell ;;
	firefox) echo firefox-esr firefox ;;
	esac
}
package_of() { echo "${1/firefox/firefox-esr}"; }

limited() { # a browser that hangs does not start
	if type -P timeout >/dev/null; then timeout -k 5 120 "$@"; else "$@"; fi
}

# shows reports whether browser $1, the program $2, shows a page. What it says is left in $work/log.
shows() {
	local home
	home=$(mktemp -d "$work/home.XXXXXX")
	case $1 in
	chromium)
		HOME=$home XDG_RUNTIME_DIR=$home limited "$2" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage \
			--no-first-run --user-data-dir="$home" --dump-dom 'data:text/html,<p>it starts</p>' >"$work/page" 2>"$work/log" &&
			grep -q 'it starts' "$work/page"
		;;
	firefox)
		HOME=$home XDG_RUNTIME_DIR=$home MOZ_CRASHREPORTER_DISABLE=1 limited "$2" --headless --no-remote \
			--profile "$home" --screenshot "$home/page.png" 'data:text/html,<p>it starts</p>' >"$work/log" 2>&1 &&
			[ -s "$home/page.png" ]
		;;
	esac
}

# find prints the path of the first command of browser $1 that shows a page. The paths of those that
# do not are left in $work/$1.dead.
find_browser() {
	local name path
	: >"$work/$1.dead"
	for name in $(commands_of "$1"); do
		path=$(type -P "$name") || continue
		if shows "$1" "$path"; then
			echo "$path"
			return 0
		fi
		{ echo "$path is there, but it does not start:" && tail -n 3 "$work/log"; } >>"$work/$1.dead"
	done
	return 1
}

# install asks apt-get for the package of browser $1. The lists are fetched before the first one.
install() {
	local package
	package=$(package_of "$1")
	echo "installing the package $package" >&2
	if [ ! -e "$work/updated" ]; then
		touch "$work/updated"
		DEBIAN_FRONTEND=noninteractive apt-get update -o DPkg::Lock::Timeout=300 >"$work/update" 2>&1
	fi
	if ! DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
		-o DPkg::Lock::Timeout=300 "$package" >"$work/install" 2>&1; then
		echo "apt-get could not install $package:" >&2
		tail -n 3 "$work/update" "$work/install" >&2
		return 1
	fi
}

found=() code=0
for browser in chromium firefox; do
	if path=$(find_browser $browser); then
		found+=("$browser=$path")
		continue
	fi
	cat "$work/$browser.dead" >&2
	if [ "$(id -u)" = 0 ] && type -P apt-get >/dev/null && install $browser; then
		if path=$(find_browser $browser); then
			found+=("$browser=$path")
			continue
		fi
		echo "The package $(package_of $browser) is installed, but $browser does not start:" >&2
		cat "$work/$browser.dead" >&2
		code=1
		continue
	fi
	echo "There is no $browser that starts: its tests will be skipped. To run them, install it" \
		"(Debian: apt-get install $(package_of $browser), as root)." >&2
done
if [ ${#found[@]} = 0 ]; then echo none; else echo "${found[@]}"; fi
exit $code
