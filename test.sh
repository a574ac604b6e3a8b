#!/usr/bin/env bash
# Runs every test of the project on a Debian 12 with Go. As root it first
# installs the peers that the tests run against, if they are missing. What
# cannot run here is left out, and said so at the end.
set -u -o pipefail
cd "$(dirname "$0")" || exit 1

# The tests need no version stamp, and a checkout of another user has none.
export GOFLAGS="${GOFLAGS:-} -buildvcs=false"
export PATH="$PATH:/usr/local/go/bin"

# Tests append "group: reason" here for what they leave out.
ROLLCALL_LEFT_OUT=$(mktemp)
export ROLLCALL_LEFT_OUT
trap 'rm -f "$ROLLCALL_LEFT_OUT"' EXIT

failed=()

# step NAME COMMAND... runs a command and notes its failure.
step() {
	local name=$1
	shift
	printf '\n== %s (after %d s)\n' "$name" "$SECONDS"
	"$@" || failed+=("$name")
}

leave_out() { printf '%s\n' "$1" >>"$ROLLCALL_LEFT_OUT"; }

packages() {
	local missing=() name
	for name in dhtnode libopendht-dev python3-opendht jami-daemon jami xvfb xdotool dbus-daemon iproute2 nftables miniupnpd-nftables g++ pkg-config; do
		dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null | grep -qx installed || missing+=("$name")
	done
	if [ ${#missing[@]} -eq 0 ]; then
		echo "all installed"
		return
	fi
	echo "missing: ${missing[*]}"
	if [ "$(id -u)" -ne 0 ]; then
		echo "not root: the tests that need them are left out"
		return
	fi
	apt-get -qq update &&
		DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}"
}

formatting() {
	local found
	found=$(go tool -modfile=tools/go.mod gofumpt -l .) || return
	[ -z "$found" ] || { printf 'not formatted with gofumpt:\n%s\n' "$found"; return 1; }
}

# Staticcheck only warns where it cannot load the packages.
lint() {
	local out
	out=$(go tool -modfile=tools/go.mod staticcheck -tags peers ./... 2>&1) && [ -z "$out" ] && return
	printf '%s\n' "$out"
	return 1
}

# Each fuzz target gets a number of inputs, not a time, so that a slow machine
# tries as many. Two run at a time, as half of each is building.
fuzz() {
	local pkg target
	while read -r pkg; do
		for target in $(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(f \*testing.F).*/\1/p' "$pkg"/*_test.go); do
			echo "$pkg $target"
		done
	done < <(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -r -n 1 dirname | sort -u) |
		xargs -P 2 -n 2 bash -c 'fuzz_one "$@"' fuzz
}

fuzz_one() {
	local out
	if out=$(go test -run '^$' -fuzz "^$2\$" -parallel 1 -fuzztime 5000x -fuzzminimizetime 100x -timeout 2m "$1" 2>&1); then
		printf '%s: %s\n' "$2" "$(tail -n 1 <<<"$out")"
	else
		printf '%s: %s\n' "$2" "$out"
		return 1
	fi
}
export -f fuzz_one

# packages_of LEVEL... prints the packages of these levels.
packages_of() {
	go list -tags peers ./... | awk -v want="$*" '
		NR == FNR { if ($1 !~ /^#/ && index(" " want " ", " " $1 " ")) paths["rollcall/" $2]; next }
		{ for (p in paths) { tree = p; if (sub("/\\.\\.\\.$", "", tree) ? index($0 "/", tree "/") == 1 : $0 == p) print } }
	' test/levels/levels.txt -
}

# go_test NAME LEVELS FLAG... tests the packages of these levels.
go_test() {
	local name=$1 packages
	packages=$(packages_of "$2")
	shift 2
	# An empty list would mean the package of this directory, which is none.
	step "$name" go test "$@" $packages
}

# Goroutines live in drivers and services only, so only these are slowed down
# by the race detector. It needs a C compiler, and would have each test program
# wait for a second before it ends.
race=(-race)
export GORACE="atexit_sleep_ms=100"
if ! command -v gcc >/dev/null; then
	race=()
	leave_out "race detector: no C compiler"
fi

step "packages" packages
step "formatting" formatting
step "vet" go vet -tags peers ./...
step "staticcheck" lint
step "fuzzing" fuzz
go_test "tests of codecs and cores" "codec core"
go_test "tests of drivers and services" "driver service" "${race[@]}"
# With the race detector it cuts short how often processes are killed.
step "what survives kill -9" go test ./store
go_test "tests in simulation and against the peers" test -tags peers -count 1 -p 2 -parallel 4 -timeout 12m

echo
sort "$ROLLCALL_LEFT_OUT" | uniq -c | sed -E 's/^ *([0-9]+) /left out (\1×): /'
if [ ${#failed[@]} -gt 0 ]; then
	printf 'failed: %s\n' "${failed[@]}"
	exit 1
fi
