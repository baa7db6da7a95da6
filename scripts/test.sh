#!/usr/bin/env bash
# Everything: the checks, the browser client in Node, then all Go tests, first under the race
# detector where goroutines meet, at last as they ship. The end tells how long each step took, and
# which tests were skipped and why.
#
# A Go test that fails is run three times more, alone. If it passes each time the run goes on, because
# a machine that others use can hold one test up, and the end names it. More than three such tests, a
# race, a panic or a package that fails as a whole are failures at once.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/need.sh go node cc files
. scripts/env.sh
if [ -z "${CC:-}" ] && ! command -v cc >/dev/null; then
	CC=$(go env CC)
	export CC
fi
work=$(mktemp -d)
current='' began=0 times=''
step() {
	stop_clock
	current=$1 began=$SECONDS
	printf '\n== %s\n' "$1"
}
stop_clock() {
	if [ -n "$current" ]; then times+=$(printf '%6d s  %s' $((SECONDS - began)) "$current")$'\n'; fi
	current=''
}
finish() {
	local code=$? failed=$current
	trap - EXIT
	trap 'rm -rf "$work"; exit $code' HUP INT TERM
	stop_clock
	if [ -n "$installer" ]; then # apt-get is not to be interrupted
		if kill -0 "$installer" 2>/dev/null; then
			printf '\nwaiting for scripts/browsers.sh, which looks for browsers or installs them\n'
		fi
		wait "$installer" || true
	fi
	printf '\n== summary\n%s%6d s  in all\n' "$times" $SECONDS
	if [ -s "$work/skipped" ]; then
		printf '\nskipped:\n'
		sed 's/^/  /' "$work/skipped"
	fi
	if [ -s "$work/unsteady" ]; then
		printf '\nfailed once, and passed three times when run alone:\n'
		sed 's/^/  /' "$work/unsteady"
	fi
	if [[ " ${REQUIRE_BROWSER:-} " != *" chromium="* || " ${REQUIRE_BROWSER:-} " != *" firefox="* ]] && [ -s "$work/browsers.log" ]; then
		printf '\nbrowser tests:\n'
		sed 's/^/  /' "$work/browsers.log"
	fi
	rm -rf "$work" || true
	case $code in
	0) printf '\nmake test: passed\n' ;;
	130) printf '\nmake test: interrupted in step "%s"\n' "$failed" ;;
	*) printf '\nmake test: FAILED in step "%s"\n' "$failed" ;;
	esac
	exit $code
}
installer=''
trap finish EXIT
trap 'exit 130' HUP INT TERM

# Browsers are installed meanwhile, most of which is waiting for the network and the disk.
scripts/browsers.sh >"$work/browsers" 2>"$work/browsers.log" &
installer=$!

step 'Go modules'
fetching go mod download
(cd bench/compare && fetching go mod download)
(cd deploy && fetching go mod download)
(cd ops/tracing && fetching go mod download)
go version

step 'npm packages'
scripts/npm.sh wasm/js
scripts/npm.sh conformance/node

step checks
scripts/lint.sh

step 'browser client'
scripts/wasm.sh
scripts/package.sh

step 'browser client in Node.js'
(cd wasm/js && npm test)

step 'npm package'
mkdir -p artifacts
scripts/npm-pack.sh artifacts

step browsers
# Tests in these fail, instead of being skipped, when the browser cannot be started.
code=0
wait $installer || code=$?
installer=''
cat "$work/browsers.log" >&2
REQUIRE_BROWSER=$(cat "$work/browsers")
export REQUIRE_BROWSER
echo "found: $REQUIRE_BROWSER"
[ $code = 0 ]

# tests is go test with these arguments.
tests() {
	local code=0
	go test "$@" | "$work/testreport" "$work/skipped" "$work/failed" || code=$?
	if [ $code = 0 ]; then return; fi
	if [ ! -s "$work/failed" ] || grep -q ' -$' "$work/failed" ||
		[ "$(wc -l <"$work/failed")" -gt 3 ]; then
		return $code
	fi
	local flags=() package test
	for flag in "$@"; do
		case $flag in -race | -timeout=*) flags+=("$flag") ;; esac
	done
	while read -r package test; do
		printf '\n%s of %s again\n' "$test" "$package"
		go test -run "^$test\$" -count=3 "${flags[@]}" "$package" </dev/null || return
	done <"$work/failed"
	sed 's/^/'"$current: "'/' "$work/failed" >>"$work/unsteady"
}

# slow_first puts the packages that take longest first, so that none of them runs alone at the end.
slow_first() {
	local list slow='/(wasm|test|pool|conformance|cmd/server|client|internal/setuptest)$'
	list=$(cat)
	grep -E "$slow" <<<"$list" || true
	grep -Ev "$slow" <<<"$list" || true
}

go build -o "$work/testreport" ./internal/testreport
step templates
mkdir "$work/tmp" # what tests leave there when they are interrupted goes with it
TMPDIR=$work/tmp TEMPLATES=core tests -json -count=1 -timeout=15m ./examples/web
if [ -f artifacts/templates.txt ]; then cat artifacts/templates.txt; fi
mv "$work/skipped" "$work/skipped-templates"

step 'Go tests under the race detector'
# Left out is what starts programs instead of goroutines, or has one goroutine.
race=$(go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' ./... |
	grep -Ev '/(bench|examples|conformance|cmd/smartsocket|internal/(archtest|browsertest|contract|freeport|leaktest|mutate|selfsigned|setuptest))(/|$)|/(frame|crypto|wasm|ops/page)$' |
	slow_first)
# Three packages at a time on two cores, because tests wait more than they work.
# shellcheck disable=SC2086  # one word a package
CGO_ENABLED=1 tests -race -json -p 3 -timeout=8m $race

# Programs that are missing there, such as nginx, skip tests; -v tells which.
step 'deployment files'
(cd deploy && go test -v -timeout=8m ./... >"$work/deploy.log" 2>&1) || { cat "$work/deploy.log"; exit 1; }
grep -E '^ok|apt-get install' "$work/deploy.log" || true
(cd ops/tracing && go test -timeout=2m ./...)

# As they ship run the packages that the detector did not, and of the others the tests that ask
# whether it runs, such as those that count allocations.
step 'Go tests'
again='' names=''
while read -r package dir; do
	asks=$(sed -n -e '/^func Test/ { s/^func \(Test[A-Za-z0-9_]*\).*/\1/; h; }' \
		-e '/race\.Enabled/ { g; p; }' "$dir"/*_test.go 2>/dev/null || true)
	if [ -n "$asks" ] && grep -qxF "$package" <<<"$race"; then
		again+=" $package" names+=" $asks"
	fi
done < <(go list -f '{{.ImportPath}} {{.Dir}}' ./...)
rest=$(go list ./... | grep -vxF "$race" | grep -v /examples/web$ | slow_first || true)
# shellcheck disable=SC2086  # one word a package, one a name
if [ -n "$again" ]; then
	names=$(printf '%s|' $names)
	tests -json -count=1 -timeout=5m -run "^(${names%|})\$" $again
	mv "$work/skipped" "$work/skipped-again"
fi
# shellcheck disable=SC2086  # one word a package
SMARTSOCKET_NPM_TESTED=1 TMPDIR=$work/tmp tests -json -count=1 -p 3 -timeout=15m $rest
if [ -s "$work/skipped-again" ]; then cat "$work/skipped-again" >>"$work/skipped"; fi
if grep -E 'npm ci|make wasm|is not installed|is missing|in PATH' "$work/skipped"; then
	echo 'Tests were skipped because something is missing that the steps before should have made.' >&2
	exit 1
fi
cat "$work/skipped-templates" >>"$work/skipped"
