#!/usr/bin/env bash
# Runs every fuzz target of the module for a time: fuzz.sh [60s].
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/env.sh
time=${1:-60s}
found=0
packages=$(go list ./...)
for package in $packages; do
	tests=$(fetching go test -list '^Fuzz' "$package") || { echo "$tests" >&2 && exit 1; }
	for target in $(grep '^Fuzz' <<<"$tests" || true); do
		found=$((found + 1))
		printf '\n== %s %s, %s\n' "$package" "$target" "$time"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "$package"
	done
done
if [ $found = 0 ]; then
	echo 'there is no fuzz target' >&2
	exit 1
fi
printf '\n%d fuzz targets, no crash\n' "$found"
