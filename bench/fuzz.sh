#!/usr/bin/env bash
# Fuzzes every parser for a while each: bench/fuzz.sh 20s
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-20s}
grep -rlE '^func Fuzz[A-Z]' --include='*_test.go' . | xargs -n1 dirname | sort -u | while read -r dir; do
	grep -hoE '^func Fuzz[A-Za-z]+' "$dir"/*_test.go | sed 's/^func //' | sort -u | while read -r fuzz; do
		printf '== %s %s\n' "$dir" "$fuzz"
		go test "$dir" -run '^$' -fuzz "^$fuzz\$" -fuzztime "$time" -fuzzminimizetime 10x | tail -n 2
	done
done
