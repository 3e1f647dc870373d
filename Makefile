# What is typed in this project. `make` alone lists it.

GO         ?= go
STATICCHECK = $(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK = $(GO) run golang.org/x/vuln/cmd/govulncheck@v1.8.0

# The function's architecture on AWS; arm64 is the cheaper one.
GOARCH_LAMBDA ?= arm64
LAMBDA_FLAGS   = -tags lambda.norpc -trimpath -buildvcs=false -ldflags '-s -w -buildid='

DATA    ?= .data
SCHEMAS ?= schemas
LISTEN  ?= 127.0.0.1:4010

.DEFAULT_GOAL := help
.PHONY: help run demo build test check bench fuzz tools clean

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: bin/eventrouter ## serve the event router on this machine with the sample tenants
	./bin/eventrouter serve --listen $(LISTEN) --data $(DATA) --schemas $(SCHEMAS)

demo: bin/eventrouter ## send one event through a server of its own and show all that it did
	./bin/eventrouter demo --schemas $(SCHEMAS)

build: bin/eventrouter build/eventrouter/bootstrap build/eventbridge-test/bootstrap ## build the command line, and both functions for AWS

test: ## run all tests of the root module
	$(GO) test ./...

check: ## vet, staticcheck, gofmt, go.mod tidiness, and known vulnerabilities where the database can be reached
	$(GO) vet ./...
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "gofmt would change:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) mod tidy -diff
	$(STATICCHECK) ./...
	@$(GOVULNCHECK) ./... > .govulncheck.out 2>&1; code=$$?; \
	if grep -qiE 'vuln\.go\.dev.*(dial|forbidden|403|no such host|refused|timeout)|fetching vulnerabilities' .govulncheck.out; then \
		echo "govulncheck: the vulnerability database cannot be reached from here; not checked"; rm -f .govulncheck.out; \
	else cat .govulncheck.out; rm -f .govulncheck.out; exit $$code; fi

bench: ## measure side by side; doc/benchmarks.md explains the figures
	$(GO) run ./bench

fuzz: ## fuzz every parser for FUZZTIME each
	./bench/fuzz.sh $(or $(FUZZTIME),20s)

tools: ## install what tests of the AWS drivers need from npm
	npm ci --no-audit --no-fund

clean: ## remove what was built
	rm -rf bin build

# The go command knows best what is out of date.
.PHONY: bin/eventrouter build/eventrouter/bootstrap build/eventbridge-test/bootstrap
bin/eventrouter:
	@$(GO) build -trimpath -o $@ ./cmd/eventrouter

build/eventrouter/bootstrap:
	GOOS=linux GOARCH=$(GOARCH_LAMBDA) CGO_ENABLED=0 $(GO) build $(LAMBDA_FLAGS) -o $@ ./lambda/bootstrap

build/eventbridge-test/bootstrap:
	GOOS=linux GOARCH=$(GOARCH_LAMBDA) CGO_ENABLED=0 $(GO) build $(LAMBDA_FLAGS) -o $@ ./lambda/eventtest
