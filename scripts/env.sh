# shellcheck shell=bash
# The other scripts source this in the top folder. It makes them independent of the caller's
# environment: of settings for Go, npm and the shell, of a home folder that cannot be written to,
# and of a folder for temporary files from which no program may be started.

set -o pipefail
unset CDPATH NODE_ENV NODE_PATH
export LC_ALL=C GO111MODULE=on GOWORK=off

if ! touch .writable 2>/dev/null; then
	echo "$(id -un 2>/dev/null || id -u) may not write to $PWD: clone into a folder of your own." >&2
	exit 1
fi
rm -f .writable

more_flags='-mod=readonly -buildvcs=false' # git may be missing, or refuse a folder of another user
if [[ ${HOME:-} != /* ]] || [ ! -d "$HOME" ] || [ ! -w "$HOME" ]; then
	export HOME=$PWD/.home
	mkdir -p "$HOME"
	more_flags+=' -modcacherw' # or rm -rf could not remove the clone
fi

# startable reports whether a program can be written to the folder $1 and started there.
startable() {
	local probe started=1
	probe=$(mktemp "$1/probe.XXXXXX" 2>/dev/null) || return 1
	if printf '#!/bin/sh\n' >"$probe" && chmod 700 "$probe" && "$probe" 2>/dev/null; then started=0; fi
	rm -f "$probe"
	return $started
}
if ! startable "${TMPDIR:-/tmp}"; then
	export TMPDIR=$PWD/.tmp
	mkdir -p "$TMPDIR"
fi

scripts/need.sh go || exit 1
GOFLAGS=$(go env GOFLAGS)
case $GOFLAGS in
*'-mod=readonly -buildvcs=false'*) ;; # a script that another one called
*) GOFLAGS+=" $more_flags" ;;
esac
target=(GOOS="$(go env GOOS)" GOARCH="$(go env GOARCH)") # make build alone respects these
GOOS=$(go env GOHOSTOS)
GOARCH=$(go env GOHOSTARCH)
CGO_ENABLED=0 # no C compiler is needed to build, and one program comes out with and without it
export GOFLAGS GOOS GOARCH CGO_ENABLED

# fetching runs a command that may need the network and explains a failure that comes from it.
fetching() {
	local log code=0
	log=$(mktemp)
	{ "$@" 2>&1 >&3 3>&- | tee "$log" >&2 || code=${PIPESTATUS[0]}; } 3>&1
	if [ $code != 0 ] && grep -qE 'dial tcp|no such host|i/o timeout|proxyconnect|x509|TLS handshake|connection re|EAI_AGAIN|ENOTFOUND|ECONN|ETIMEDOUT|EHOSTUNREACH|disabled by GOPROXY' "$log"; then
		cat >&2 <<TEXT

The network is missing: the first run downloads Go modules from $(go env GOPROXY)
and, for tests, npm packages. Connect to it, or name a proxy in https_proxy, or a mirror
in GOPROXY and npm_config_registry. Later runs need no network.
TEXT
	fi
	rm -f "$log"
	return $code
}
