#!/bin/sh
# Builds the emulator and runs its own tests against both profiles.
#
#   native/ascend-emulator/test.sh OUTDIR [TEST]
#
# Exit status 3 without a compiler, as build.sh.
set -eu
[ $# -ge 1 ] || { echo "usage: $0 OUTDIR [TEST]" >&2; exit 2; }
sources=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
"$sources/build.sh" "$1" || exit $?
out=$(CDPATH='' cd -- "$1" && pwd -P)
cxx=${CXX:-$(command -v c++ || command -v g++ || command -v clang++)}
shift
objects=
: >"$out/.work/stale-tests"
for file in "$sources"/tests/*.cpp; do
    object=$out/.work/test-$(basename "$file" .cpp).o
    objects="$objects $object"
    [ -f "$object" ] && [ -z "$(find "$file" "$sources/tests/harness.h" "$out/.work/prototypes.h" "$out/.work/declarations.h" -newer "$object")" ] && continue
    printf '%s\n%s\n' "$file" "$object" >>"$out/.work/stale-tests"
done
export cxx out sources
# shellcheck disable=SC2016 # the inner shell expands them
[ ! -s "$out/.work/stale-tests" ] || tr '\n' '\0' <"$out/.work/stale-tests" | xargs -0 -P "$(nproc 2>/dev/null || echo 1)" -n 2 sh -c \
    '"$cxx" -std=gnu++17 -O0 -pthread -Wall -Wextra -Wno-unused-function -I"$out/.work" -I"$sources/src" -c "$1" -o "$2"' compile
# shellcheck disable=SC2086
"$cxx" -pthread -o "$out/.work/tests" $objects -ldl
status=0
for profile in 8.1 head; do
    "$out/.work/tests" "$out/$profile" "$profile" "$@" || status=1
done
exit $status
