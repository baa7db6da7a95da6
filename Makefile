# Every target sets up what it needs on a fresh machine; only Go and Node.js are assumed.
#
#   make run            build everything and serve the arena demo on http://localhost:3000
#   make build          bin/smartsocket-server, with the browser client embedded
#   make wasm           dist/: the browser client
#   make npm-pack     smartsocket-client-<version>.tgz: the browser client as an npm package
#   make test           all checks and tests
#   make lint           the checks alone
#   make graph          who names whom: imports of our packages, references between the root's files
#   make fuzz           every fuzz target for FUZZTIME (60s)
#   make bench          our scenarios; table, JSON and profiles in artifacts/bench
#   make bench-compare  the same against other servers
#   make bench-browser  the browser client's engines in real browsers; tables in artifacts/bench-browser
#   make profile        capture a CPU profile under load and refresh profiles/default.pgo
#   make clean          remove what was built

FUZZTIME ?= 60s
ARGS ?=
PGO := $(wildcard profiles/default.pgo)
BUILDFLAGS := -trimpath $(if $(PGO),-pgo=$(abspath $(PGO)))

.DEFAULT_GOAL := build
.PHONY: run build wasm npm-pack test lint graph fuzz bench bench-compare bench-browser profile clean need-go need-node

run: build
	exec bin/smartsocket-server -demo -host localhost -port 3000 $(ARGS)

build: wasm
	go build $(BUILDFLAGS) -o bin/smartsocket-server ./cmd/server

wasm: need-go
	scripts/wasm.sh

npm-pack: need-go need-node
	scripts/npm-pack.sh

test: need-go need-node
	scripts/test.sh

lint: need-go need-node
	scripts/lint.sh

graph: need-go
	@go run ./internal/archtest/graph

fuzz: need-go
	scripts/fuzz.sh $(FUZZTIME)

bench: need-go
	go run $(BUILDFLAGS) ./bench -o artifacts/bench $(ARGS)

bench-compare: need-go
	cd bench/compare && go run . $(ARGS)

bench-browser: need-go need-node
	cd wasm/js && npm ci --no-audit --no-fund --loglevel=error
	go test ./bench/browser -run '^$$' -bench . -benchtime 1x -args -o $(CURDIR)/artifacts/bench-browser $(ARGS)

profile: need-go
	scripts/profile.sh $(ARGS)

clean:
	rm -rf bin dist artifacts smartsocket-client-*.tgz
	find cmd/server/web/dist -type f ! -name README.txt ! -name .gitignore -delete

need-go:
	@scripts/need.sh go

need-node:
	@scripts/need.sh node
