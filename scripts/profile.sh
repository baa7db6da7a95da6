#!/usr/bin/env bash
# Runs the benchmark's scenarios, which leave CPU profiles of the server, and
# merges those into profiles/default.pgo, from which the next build learns.
# Arguments go to the benchmark.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/env.sh
scripts/need.sh cc
out=artifacts/profile
rm -rf "$out"
mkdir -p "$out" profiles
go run ./bench -profile -pgo off -o "$out" "$@"
mapfile -t found < <(find "$out" -type f -name '*cpu*' \( -name '*.pprof' -o -name '*.prof' -o -name '*.pb.gz' \) | sort)
if [ "${#found[@]}" = 0 ]; then
	echo "the benchmark left no CPU profile (*cpu*.pprof) in $out" >&2
	exit 1
fi
go tool pprof -proto -output="$out/merged.pgo" "${found[@]}" >/dev/null
mv "$out/merged.pgo" profiles/default.pgo
go tool pprof -top -nodecount=25 profiles/default.pgo
cat <<TEXT

profiles/default.pgo is new, from ${#found[@]} profiles. Add a row to profiles/README.md:
commit $(git rev-parse --short HEAD), $(go version | cut -d' ' -f3), $(nproc) cores, command: make profile, and what it shows.
TEXT
