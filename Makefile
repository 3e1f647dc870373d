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
.PHONY: help run demo build test test-all test-console test-resource events-aws check bench bench-long flaky fuzz simulate mutation soak conformance conformance-local conformance-storage tools tools-conformance clean

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: bin/eventrouter ## serve the event router on this machine with the sample tenants
	./bin/eventrouter serve --listen $(LISTEN) --data $(DATA) --schemas $(SCHEMAS)

demo: bin/eventrouter ## send one event through a server of its own and show all that it did
	./bin/eventrouter demo --schemas $(SCHEMAS)

build: bin/eventrouter build/eventrouter/bootstrap build/eventrouter-relay/bootstrap build/eventbridge-test/bootstrap ## build the command line, and the functions for AWS

test: ## test the root module; what needs a missing AWS stand-in is skipped
	$(GO) test ./...

test-all: test test-resource test-infra ## test every module: the root, events/resource and infra (needs Node)

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

bench-long: ## measure how costs grow with rules, tenants and file size; and a million local events; draws doc/benchmarks/*.svg
	$(GO) run ./bench curves growth

fuzz: ## fuzz every parser for FUZZTIME each
	./bench/fuzz.sh $(or $(FUZZTIME),20s)

# The packages with goroutines, servers and clocks first.
FLAKY ?= ./local/... ./cmd/eventrouter ./router ./internal/boltdb ./internal/blob ./store ./store/memstore ./store/boltstore ./projection/s3object ./projection/csvfile ./lambda ./bus ./tenant ./internal/admin

flaky: ## run tests COUNT times (100) quiet, under CPU load, and with the race detector; FLAKY=./local for one package
	./bench/flaky.sh $(or $(COUNT),100) $(FLAKY)

mutation: ## change single expressions of the core packages, and list the changes that no test notices (N=40 of each, an hour); MUTATE=outbox
	$(GO) run ./internal/mutation -n $(or $(N),40) -seed $(or $(SEED),1) $(MUTATE)

simulate: ## run the deterministic simulation from SEEDS seeds (1000); SEED=n for one, with its trace; BUGS=1 searches for bugs of the past
	$(GO) test ./internal/simulation -count=1 -timeout 0 -v $(if $(BUGS),-run TestBugs -bugs,-run TestSeeds) $(if $(SEED),-seed $(SEED) -trace,-seeds $(or $(SEEDS),1000))

SOAK_SEED   ?= $(shell date +%s)
SOAK_ROUNDS ?= 10

soak: ## the long forms of tests, an hour and more: a million cross-tenant attempts, the API's contract, 10,000 random operations on each ledger (SOAK_SEED), kill tests SOAK_ROUNDS times, events under chaos for SOAK=30m
	STORETEST_OPS=10000 STORETEST_SEED=$(SOAK_SEED) $(GO) test -count=1 -run 'TestDriver/History' -timeout 60m -v ./store/...
	$(GO) test -count=$(SOAK_ROUNDS) -run 'Kill|CutOff|FullDisk|AFullDisk|Chaos|TestDriver/Durability' -timeout 60m ./cmd/eventrouter ./local ./internal/boltdb ./internal/blob ./store/...
	$(GO) test -count=$(SOAK_ROUNDS) -timeout 60m ./projection/s3object ./projection/csvfile
	SOAK=1 $(GO) test -run 'TestCrossTenant|TestContract' -timeout 60m -v ./lambda
	SOAK=$(or $(SOAK),30m) $(GO) test -run '^TestSoak$$' -count=1 -timeout 0 -v ./local

test-console: ## test the web console in Chromium; pictures of every page are written to build/console
	$(GO) test -tags browser -count=1 ./console

test-resource: ## test events/resource, a module of its own
	$(GO) vet -C events/resource ./...
	$(GO) test -C events/resource ./...

events-aws: tools ## write the packages below events/aws anew from AWS's service specification
	$(GO) run ./internal/typegen/awsevents/gen

tools: ## install what tests of the AWS drivers need from npm
	npm ci --no-audit --no-fund

tools-conformance: .tools/bin/versitygw ## build versitygw, a second S3, into .tools (some minutes, once)
.tools/bin/versitygw:
	GOBIN=$(CURDIR)/.tools/bin $(GO) install github.com/versity/versitygw/cmd/versitygw@v1.8.0

conformance: conformance-local conformance-storage ## compare with recordings of AWS, and with other implementations of S3 and DynamoDB

conformance-local: ## compare the local AWS services with recordings and the service models, and print the counts
	$(GO) test -count=1 -run '^(TestRecorded.*|TestBadInput|TestShapes.*|TestBoto)$$' ./local
	$(GO) test -count=1 -run '^TestConformance$$' -v ./local

conformance-storage: tools-conformance ## ask versitygw (HTTP and TLS) and moto for a second opinion on S3 and DynamoDB
	AWSTEST_REQUIRE=1 $(GO) test -tags conformance -count=1 -run TestConformance -v ./internal/blob/s3blob ./store/dynamostore

clean: ## remove what was built
	rm -rf bin build

# The go command knows best what is out of date.
.PHONY: bin/eventrouter build/eventrouter/bootstrap build/eventrouter-relay/bootstrap build/eventbridge-test/bootstrap
bin/eventrouter:
	@$(GO) build -trimpath -o $@ ./cmd/eventrouter

build/eventrouter/bootstrap:
	GOOS=linux GOARCH=$(GOARCH_LAMBDA) CGO_ENABLED=0 $(GO) build $(LAMBDA_FLAGS) -o $@ ./lambda/bootstrap

build/eventrouter-relay/bootstrap:
	GOOS=linux GOARCH=$(GOARCH_LAMBDA) CGO_ENABLED=0 $(GO) build $(LAMBDA_FLAGS) -o $@ ./lambda/relay

build/eventbridge-test/bootstrap:
	GOOS=linux GOARCH=$(GOARCH_LAMBDA) CGO_ENABLED=0 $(GO) build $(LAMBDA_FLAGS) -o $@ ./lambda/eventlog/bootstrap

# On AWS: infra/ is the CDK app. CONTEXT holds context keys, see doc/deploy.md:
#   make deploy CONTEXT='-c environment=prod -c alarmEmail=ops@example.com'
CDK       = npx --no-install cdk
CONTEXT  ?=
FUNCTIONS = build/eventrouter/bootstrap build/eventrouter-relay/bootstrap build/eventbridge-test/bootstrap

# Quiet, and without a call to anybody but AWS.
export CDK_DISABLE_CLI_TELEMETRY = true
export CDK_DISABLE_VERSION_CHECK = 1
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION = 20
export AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 1

# The environment that CONTEXT names.
ENVIRONMENT = $(lastword dev $(patsubst environment=%,%,$(filter environment=%,$(CONTEXT))))

.PHONY: functions synth diff deploy rollback destroy deploy-local lint-infra test-infra golden
functions: $(FUNCTIONS) ## build the functions for AWS; cdk.json has the CDK do it

synth: node_modules/aws-cdk ## write the CloudFormation template to cdk.out; CONTEXT='-c key=value'
	$(CDK) synth --no-notices --quiet $(CONTEXT)

diff: node_modules/aws-cdk ## show what a deployment would change
	$(CDK) diff --no-notices $(CONTEXT)

deploy: node_modules/aws-cdk ## deploy to the AWS account of your credentials; the code that was deployed before is kept
	$(if $(filter stack=%,$(CONTEXT)),,infra/rollback.sh save $(ENVIRONMENT))
	$(CDK) deploy --no-notices $(CONTEXT)

rollback: ## deploy the code again that the last `make deploy` replaced; CONTEXT as for deploy
	infra/rollback.sh back $(ENVIRONMENT)

destroy: node_modules/aws-cdk ## take the stack away; table and bucket stay unless removalPolicy=destroy
	$(CDK) destroy --no-notices $(CONTEXT)

deploy-local: node_modules/aws-cdk ## deploy the stack to moto on this machine, and send an event through what was deployed
	EVENTROUTER_DEPLOY_LOCAL=1 AWSTEST_REQUIRE=1 $(GO) test -count=1 -timeout 60m -v ./internal/deploylocal

lint-infra: synth ## lint the stack, and its golden templates with everything turned on; cdk-nag is part of every synth
	cfn-lint --non-zero-exit-code error -t cdk.out/*.template.json infra/testdata/golden/*.template.json

test-infra: ## test the stack's templates, and that two synths are the same to the byte
	$(GO) vet -C infra ./...
	cd infra && $(STATICCHECK) ./...
	@test -z "$$(gofmt -l infra)" || { echo "gofmt would change:"; gofmt -l infra; exit 1; }
	$(GO) test -C infra ./...
	$(MAKE) --no-print-directory synth && rm -rf build/cdk.first && cp -R cdk.out build/cdk.first
	$(MAKE) --no-print-directory synth && diff -r $(NOT_THE_SAME) build/cdk.first cdk.out && rm -r build/cdk.first

# How long it took, the CDK notes beside the templates.
NOT_THE_SAME = -x performance-counters.json

golden: ## write the golden template and doc/deploy.md's table of permissions anew
	$(GO) test -C infra -run 'TestGolden|TestNamedResources|TestPermissionsTable|TestDoctorPermissions|TestContextTable' . -update

node_modules/aws-cdk: package-lock.json
	npm ci --no-audit --no-fund
	@touch $@
