# Every verb sets up what it needs, can be run again at any time, and survives being interrupted.
.PHONY: run test build lint format bench bench-peers bench-serve bench-adapters conformance check-grammars check-functions sanitize clean help

HEARTH := .build/release/hearth
SOURCES := Package.swift $(shell find Sources -name '*.swift' -o -name '*.c' -o -name '*.h')
MODEL ?= smollm2-135m

help: ## What the verbs do
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 22

run: $(HEARTH) ## Build, get the default model and serve it on 127.0.0.1:8080
	@exec $(HEARTH) serve $(MODEL)

build: $(HEARTH) ## Build the release binary, .build/release/hearth

# The binary is remade only when a source is newer, so a second `make run` starts at once.
$(HEARTH): $(SOURCES)
	@scripts/setup run
	swift build -c release --product hearth
	@touch $(HEARTH)

test: ## Set up what the tests need and run them all
	@scripts/setup test
	@scripts/test-data
	@# All at once, as is usual, tests that wait for something wait for minutes behind those that compute.
	SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=4 scripts/run-tests --skip 'ReaderFuzzTests|^ServingTests'
	@# Apart from those, because their clients have time limits.
	SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=4 scripts/run-tests --skip-build --filter '^ServingTests'
	@# Alone, because it watches the memory of its process.
	scripts/run-tests --skip-build --filter ReaderFuzzTests
	@# In the build that users run: what a step asks of the heap and of the locks.
	swift run -c release step-counts

lint: ## Format, sizes, arrows between rooms, links, comments; NEON kernels under an emulator
	@scripts/lint
	@scripts/setup lint
	@scripts/check-neon

format: ## Format every Swift file in place
	swift format --in-place --recursive --parallel --configuration .swift-format Sources Tests Package.swift

bench: $(HEARTH) ## Hearth beside llama.cpp: same file, same threads, interleaved, medians
	@scripts/bench

bench-peers: $(HEARTH) ## The same in depth: ARGS="llama-3.2-1b:Q4_0 -- --measures prefill-512,batch-8"
	@scripts/bench-peers $(ARGS)

bench-serve: $(HEARTH) ## Hearth's server beside llama.cpp's, 16 streams; ARGS="-- --overhead" beside the bare engine
	@scripts/bench-serve $(ARGS)

conformance: $(HEARTH) ## A live server under official clients, and whole-model checks against references
	@scripts/setup test
	@scripts/test-data
	@scripts/conformance

bench-adapters: $(HEARTH) ## What adapters cost, beside llama.cpp's server: MODELS="llama-3.2-1b:Q4_0", ARGS="--alone" without it
	@scripts/bench-serve $(MODELS) -- --adapters --rounds 3 $(ARGS)

check-grammars: ## Structured output beside the JSON Schema Test Suite, validators and peers; ARGS="--quick", ARGS="suite"
	@scripts/setup test
	@scripts/check-grammars $(ARGS)

check-functions: $(HEARTH) ## Function calls of the default model under BFCL's questions; ARGS="--quick"
	@scripts/setup test
	@scripts/test-data
	@scripts/check-functions $(ARGS)

sanitize: ## The tests under Thread Sanitizer and Address Sanitizer
	@scripts/setup test
	@scripts/test-data
	@scripts/sanitize

clean: ## Remove what was built, but not downloaded models
	rm -rf .build .build-*
