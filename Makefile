# make run      build Touchstone and serve it on http://localhost:8080 with its data in ./data
# make test     lint and run every test, after installing what the tests need (Chromium, the AWS CLI, PostgreSQL, nginx)
# make help     list everything

SHELL       := /bin/bash
export CGO_ENABLED := 0
TOOL        := go tool -modfile=tools/go.mod
VERSION      = $(shell scripts/version)
BUILD        = -trimpath -ldflags='-s -w -X github.com/touchstone-iam/touchstone/internal/server.release=$(VERSION)'
# The time of what is packed, so that the same commit gives the same files.
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
DATA        ?= data
LISTEN      ?= 127.0.0.1:8080

.PHONY: help run build image image-test test lint unit install-test-tools race bench bench-policy soak fuzz screenshots generate dist package-test release clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 24

run: build ## build and serve http://localhost:8080
	./bin/touchstone serve --listen $(LISTEN) --data $(DATA)

build: ## build bin/touchstone, static
	go build $(BUILD) -o bin/touchstone ./cmd/touchstone

image: build ## write the container image, as an OCI archive, to bin/touchstone-image.tar
	@go run ./scripts/image -version $(VERSION)

image-test: image ## build the image with podman as well, and run both; says when there is no podman
	@scripts/image-test

test: install-test-tools lint unit package-test ## lint and run every test

lint: ## formatting, long lines and functions, vet, staticcheck
	@echo "lint: gofumpt, textlint, vet, staticcheck"
	@unformatted=$$($(TOOL) gofumpt -l $$(git ls-files '*.go' ':!*_gen.go' ':!**/zz_*.go')); \
	  if [ -n "$$unformatted" ]; then echo "not gofumpt-ed:"; echo "$$unformatted"; exit 1; fi
	@go run ./scripts/textlint $$(git ls-files '*.go' ':!**/zz_*.go')
	@go vet ./...
	@$(TOOL) staticcheck ./...

unit: build
	@scripts/test

install-test-tools:
	@scripts/install-test-tools

race: install-test-tools ## the tests under the race detector (needs a C compiler)
	CGO_ENABLED=1 go test -race ./...

bench: build ## measure, beside a control in the same run; prints BENCH lines
	go run ./internal/bench

bench-policy: ## measure the policy engine beside others; the module bench downloads them
	cd bench && go run .

soak: build install-test-tools ## the long runs: 1,000 kills on SQLite, 400 on PostgreSQL, a million comparisons
	TOUCHSTONE_SOAK=1 go test -count=1 -timeout=0 -run 'Kill|Soak' -v ./internal/... ./policy/...
	TOUCHSTONE_SOAK=1 go run ./scripts/withpostgres go test -count=1 -timeout=0 -run TestKilledWriter -v ./internal/server

fuzz: ## every fuzzer for a while (FUZZTIME=1m each)
	@scripts/fuzz

screenshots: install-test-tools build ## write the main pages to docs/images
	TOUCHSTONE_SCREENSHOTS=$(CURDIR)/docs/images go test -count=1 -run TestScreenshots ./internal/web/browsertest

generate: ## the generated code and assets
	go generate ./...

dist: ## the archives, .deb and .rpm of a release, with checksums, in dist
	@VERSION=$(VERSION) scripts/dist

package-test: ## install the .deb in a directory of its own, start it as its unit does, and remove it
	@scripts/package-test

release: ## what a tagged commit is published with; CONTRIBUTING.md tells about it
	@scripts/release

clean: ## remove what was built
	rm -rf bin dist
