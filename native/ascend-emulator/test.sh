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
for file in "$sources"/tests/*.cpp; do
    object=$out/.work/test-$(basename "$file" .cpp).o
    objects="$objects $object"
    [ -f "$object" ] && [ -z "$(find "$file" "$sources/tests/harness.h" "$out/.work/prototypes.h" "$out/.work/declarations.h" -newer "$object")" ] && continue
    "$cxx" -std=gnu++17 -O1 -pthread -Wall -Wextra -Wno-unused-function -I"$out/.work" -I"$sources/src" -c "$file" -o "$object"
done
# shellcheck disable=SC2086
"$cxx" -pthread -o "$out/.work/tests" $objects -ldl
status=0
for profile in 8.1 head; do
    "$out/.work/tests" "$out/$profile" "$profile" "$@" || status=1
done
exit $status
