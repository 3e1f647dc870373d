#!/bin/sh
# Runs the tests of packages many times and reports those that failed:
#
#	bench/flaky.sh COUNT PACKAGE...
#
# Three times over: COUNT runs on the machine as it is, COUNT runs while every
# CPU is busy, and a tenth of COUNT with the race detector (which needs a C
# compiler). Each run is a process of its own, in random order, with nothing on
# the PATH but Go, git, make, sh and coreutils. The output of a run that failed is
# kept; its second line has the seed of the order.
set -eu
cd "$(dirname "$0")/.."
count=$1
shift

dir=$(mktemp -d)
load=
busy() { for _ in $(seq "$(nproc)"); do (while :; do :; done) & load="$load $!"; done; }
idle() { [ -z "$load" ] || kill $load 2> /dev/null || true; load=; }
trap idle EXIT
trap 'exit 130' INT TERM

mkdir "$dir/path"
for tool in go gofmt git make sh basename cat chmod cp cut date dirname echo env false head ln ls mkdir mktemp mv nproc pwd rm rmdir seq sleep \
	sort tail tee touch tr true uname uniq wc; do
	at=$(command -v "$tool") && [ -x "$at" ] && ln -s "$at" "$dir/path/$tool"
done || true

# runs BINARY FOLDER TIMES WHAT: prints one line, and keeps what failed.
failed=0
runs() {
	bad=0
	for i in $(seq "$3"); do
		out="$dir/$(basename "$1").$4.$i.txt"
		if (cd "$2" && PATH="$dir/path" "$1" -test.shuffle=on -test.timeout=20m) > "$out" 2>&1; then rm "$out"; else bad=$((bad + 1)); fi
	done
	[ "$bad" -eq 0 ] || failed=1
	printf '%-40s %-6s %s of %s runs failed\n' "$2" "$4" "$bad" "$3"
}

for package in $(go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.Dir}}{{end}}' "$@"); do
	name=$(echo "${package#"$PWD"/}" | tr / _)
	go test -c -o "$dir/$name" "$package"
	runs "$dir/$name" "$package" "$count" quiet
	busy
	runs "$dir/$name" "$package" "$count" load
	idle
	if CGO_ENABLED=1 go test -race -c -o "$dir/$name.race" "$package" 2> "$dir/race.txt"; then
		runs "$dir/$name.race" "$package" "$(((count + 9) / 10))" race
	else
		echo "$package: no race detector: $(head -n 1 "$dir/race.txt")"
	fi
done
if [ "$failed" -ne 0 ]; then
	echo "the output of what failed is in $dir"
	exit 1
fi
rm -r "$dir"
