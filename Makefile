# Every target fetches what it needs on a fresh machine that has Go, for tests Node.js and a C
# compiler too. The scripts check for these, and what they say is the whole of what has to be
# installed.
#
#   make run            build everything and serve the arena demo on http://localhost:3000
#   make build          bin/smartsocket-server, with the browser client embedded
#   make wasm           dist/: the browser client
#   make npm-pack       smartsocket-client-<version>.tgz: the browser client as an npm package
#   make test           all checks and tests
#   make test-templates build and run every project of examples/web; table in artifacts/templates.txt
#   make lint           the checks alone
#   make graph          who names whom: imports of our packages, references between the root's files
#   make fuzz           every fuzz target for FUZZTIME (60s)
#   make mutate         break the code by a sample of small mutations; print what no test notices
#   make bench          our scenarios; table, JSON and profiles in artifacts/bench
#   make bench-compare  the same against other servers
#   make bench-browser  the browser client's engines in real browsers; tables in artifacts/bench-browser
#   make restart-demo   what clients notice of restarts, behind a real HAProxy; prints a table
#   make profile        capture a CPU profile under load and refresh profiles/default.pgo
#   make clean          remove what was built

FUZZTIME ?= 60s
PACKAGES ?= reactor client cluster .
SEED ?= 1
SAMPLE ?= 40
ARGS ?=
BUILDFLAGS := -trimpath $(addprefix -pgo=,$(wildcard profiles/default.pgo))
SHELL := bash

.DEFAULT_GOAL := build
.PHONY: run build wasm npm-pack test lint graph fuzz mutate bench bench-compare bench-browser restart-demo profile clean test-templates

# Without the profile, for which the standard library would be compiled once more. What is compiled
# here serves make test too. make build makes the same program with the profile.
run:
	@scripts/build.sh bin/smartsocket-server -pgo=off -ldflags=-w
	exec bin/smartsocket-server -demo -host localhost -port 3000 $(ARGS)

# The commit is in what it builds, where git can name it.
build:
	@scripts/build.sh bin/smartsocket-server $(BUILDFLAGS) $$(git rev-parse -q --verify HEAD >/dev/null 2>&1 && echo -buildvcs=true)

wasm:
	scripts/wasm.sh

npm-pack:
	scripts/npm-pack.sh

test:
	@scripts/test.sh

test-templates:
	@scripts/templates.sh $(or $(TEMPLATES),all)

lint:
	@scripts/lint.sh

graph:
	. scripts/env.sh && go run ./internal/archtest/graph

fuzz:
	scripts/fuzz.sh $(FUZZTIME)

mutate:
	. scripts/env.sh && mkdir -p bin && go build -o bin/mutate ./internal/mutate
	. scripts/env.sh && nice -n 15 bin/mutate -seed $(SEED) -n $(SAMPLE) $(ARGS) $(PACKAGES)

bench:
	. scripts/env.sh && scripts/need.sh cc && go run $(BUILDFLAGS) ./bench -o artifacts/bench $(ARGS)

bench-compare:
	. scripts/env.sh && scripts/need.sh cc && cd bench/compare && go run . $(ARGS)

bench-browser:
	scripts/npm.sh wasm/js
	. scripts/env.sh && go test ./bench/browser -run '^$$' -bench . -benchtime 1x -args -o "$$PWD/artifacts/bench-browser" $(ARGS)

restart-demo:
	scripts/haproxy.sh
	@mkdir -p bin
	. scripts/env.sh && go build -o bin/restart-demo ./bench/restart && bin/restart-demo $(ARGS)

profile:
	scripts/profile.sh $(ARGS)

clean:
	rm -rf bin dist dist.* artifacts smartsocket-client-*.tgz .home .tmp
	find cmd/server/web/dist -type f ! -name README.txt ! -name .gitignore -delete
