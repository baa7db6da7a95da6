#!/usr/bin/env bash
# Checks tools that must be there: need.sh go|node|cc|files... It names every one that is missing or
# too old, with the version that is needed and the way to get it, and then exits with 1.
set -uo pipefail
cd "$(dirname "$0")/.."
failed=0
say() {
	printf '%s\n' "$@" >&2
	failed=1
}

# older reports whether version $1 is below version $2; both look like 1.26.
older() {
	local major=${1%%.*} minor=${1#*.}
	minor=${minor%%.*}
	[ "$major" -lt "${2%%.*}" ] || { [ "$major" = "${2%%.*}" ] && [ "$minor" -lt "${2#*.}" ]; }
}

need_go() {
	local wanted found get
	wanted=$(sed -n 's/^go \([0-9]*\.[0-9]*\).*/\1/p' go.mod)
	get="Install Go $wanted or newer from https://go.dev/dl/ and put its bin folder first on the PATH."
	if ! command -v go >/dev/null; then
		say "Go is missing. $get"
		return
	fi
	if ! found=$(GOFLAGS='' go env GOVERSION 2>&1); then # an older Go fails here if it cannot fetch a newer one
		say "$found" "Go $wanted or newer is needed. $get"
		return
	fi
	found=$(sed -n 's/.*go\([0-9][0-9]*\.[0-9][0-9]*\).*/\1/p' <<<"$found")
	if [ -z "$found" ]; then
		say "The go on the PATH, $(command -v go), does not tell its version. $get"
	elif older "$found" "$wanted"; then
		say "Go $found is too old. $get"
	fi
}

need_node() {
	local wanted found
	wanted=$(sed -n 's/.*"node": ">=\([0-9.]*\)".*/\1/p' wasm/js/package.json)
	local get="Install Node.js $wanted or newer, with npm, from https://nodejs.org/; make test needs it, make run does not."
	if ! command -v node >/dev/null; then
		say "Node.js is missing. $get"
		return
	fi
	if ! found=$(node --version 2>&1); then
		say "$found" "The node on the PATH, $(command -v node), does not start. $get"
		return
	fi
	if ! [[ $found =~ ^v[0-9]+\.[0-9]+ ]]; then
		say "The node on the PATH, $(command -v node), does not tell its version. $get"
	elif older "${found#v}" "$wanted"; then
		say "Node.js ${found#v} is too old. $get"
	elif ! npm --version >/dev/null 2>&1; then
		say "npm is missing, or does not start. It comes with Node.js $wanted from https://nodejs.org/; Debian and Ubuntu have it as a package of its own: apt-get install npm."
	fi
}

need_cc() {
	local compiler dir
	compiler=$(GOFLAGS='' go env CC 2>/dev/null)
	compiler=${compiler:-cc}
	dir=$(mktemp -d)
	printf '#include <stdlib.h>\nint main(void) { return EXIT_SUCCESS; }\n' >"$dir/try.c"
	# Not quoted: CC may hold options.
	# shellcheck disable=SC2086
	if ! $compiler -o "$dir/try" "$dir/try.c" 2>"$dir/log"; then
		if command -v "${compiler%% *}" >/dev/null; then head -n 3 "$dir/log" >&2; fi
		say "A C compiler that works is missing (tried: $compiler). Install gcc or clang, any version,"\
" with the headers of the C library." \
			"  Debian, Ubuntu: apt-get install gcc libc6-dev    Fedora: dnf install gcc    macOS: xcode-select --install" \
			"The race detector and the benchmarks' C program need it; make run does not."
	fi
	rm -rf "$dir"
}

# need_files looks at the limit that a program may raise its own to, as Go's do.
need_files() {
	local wanted=8192 found
	found=$(ulimit -Hn)
	if [ "$found" != unlimited ] && [ "$found" -lt $wanted ]; then
		say "Too few open files are allowed: $found. The tests open thousands of connections; $wanted are needed." \
			"Raise the hard limit: as root, ulimit -Hn $wanted, or nofile in /etc/security/limits.conf; docker run --ulimit nofile=$wanted."
	fi
}

for tool in "$@"; do
	case $tool in
	go | node | cc | files) "need_$tool" ;;
	*) say "need.sh knows go, node, cc and files, not $tool" ;;
	esac
done
exit $failed
