#!/bin/sh
# Makes the secrets of compose.yaml, once. They are random, and only this folder has them. The
# containers run as users of their own, so the files can be read by all users of this machine.
set -eu
cd "$(dirname "$0")"
mkdir -p secrets
for name in ops_token grafana; do
	if [ ! -s "secrets/$name" ]; then
		head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n' >"secrets/$name"
	fi
done
