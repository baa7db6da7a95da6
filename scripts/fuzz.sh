#!/usr/bin/env bash
# Runs every fuzz target of the module for a time: fuzz.sh [60s].
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/env.sh
time=${1:-60s}
found=0
for package in $(go list ./...); do
	for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
		found=$((found + 1))
		printf '\n== %s %s, %s\n' "$package" "$target" "$time"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "$package"
	done
done
printf '\n%d fuzz targets, no crash\n' "$found"
