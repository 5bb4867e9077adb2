#!/bin/sh
# Builds the Ascend emulator: two roots that look like installations of CANN (README.md).
#
#   native/ascend-emulator/build.sh OUTDIR
#
# does nothing if OUTDIR is newer than all sources. Exit status 3, with one line that says so: no compiler or another
# system. $CXX names another compiler than c++ or g++.
set -eu
LC_ALL=C
export LC_ALL

[ $# -eq 1 ] || { echo "usage: $0 OUTDIR" >&2; exit 2; }
sources=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
mkdir -p "$1"
out=$(CDPATH='' cd -- "$1" && pwd -P)

without() {
    echo "native/ascend-emulator: NOT BUILT, tests on the emulated Ascend device cannot run: $1" >&2
    exit 3
}

machine=$(uname -m)
case $(uname -s)-$machine in
    Linux-x86_64 | Linux-aarch64) ;;
    *) without "there is no emulator for $(uname -s) on $machine" ;;
esac
cxx=${CXX:-}
if [ -z "$cxx" ]; then
    for candidate in c++ g++ clang++; do
        command -v "$candidate" >/dev/null && { cxx=$candidate; break; }
    done
fi
[ -n "$cxx" ] && command -v "$cxx" >/dev/null || without "there is no C++ compiler${cxx:+ '$cxx'}; install g++ 12 or clang 15, or later"

# One build at a time in a folder, where the system can say so.
command -v flock >/dev/null && { exec 9>"$out/.lock"; flock 9; }
stamp=$out/.complete
if [ -f "$stamp" ] && [ -z "$(find "$sources" -type f \( -path '*/src/*' -o -path '*/abi/*' -o -name '*.awk' -o -name build.sh \) -newer "$stamp")" ]; then
    exit 0
fi
rm -f "$stamp"
work=$out/.work
mkdir -p "$work"

implemented=$(cat "$sources"/src/*.cpp "$sources"/src/ops/*.cpp | awk '
    match($0, /impl_acl[A-Za-z0-9_]+\(/) { print substr($0, RSTART + 5, RLENGTH - 6) }
    match($0, /^ALLOCATION\([a-zA-Z]+/) { print substr($0, RSTART + 11, RLENGTH - 11) }
    match($0, /^[A-Z_]+\(aclnn[A-Za-z0-9]+/) {
        name = substr($0, RSTART, RLENGTH); sub(/.*\(/, "", name); print name }' | sort -u | tr '\n' ' ')
awk_on_tables() { # a result is replaced only if it changed, so that little is compiled again
    target=$1; shift
    awk "$@" -v implemented="$implemented" -f "$sources/generate.awk" "$sources"/abi/*.txt >"$target.new"
    cmp -s "$target.new" "$target" && rm "$target.new" || mv "$target.new" "$target"
}
awk_on_tables "$work/declarations.h" -v what=declarations
awk_on_tables "$work/operators.inc" -v what=operators
awk_on_tables "$work/numbers.h" -v what=numbers
awk_on_tables "$work/prototypes.h" -v what=prototypes # for the tests

flags="-std=gnu++17 -O3 -fPIC -fvisibility=hidden -fno-math-errno -fno-strict-aliasing -pthread -Wall -Wextra"
# What is built here runs here, so the kernels may use what this processor has.
echo 'int main() { return 0; }' >"$work/probe.cpp"
"$cxx" -march=native "$work/probe.cpp" -o "$work/probe" 2>/dev/null && flags="$flags -march=native"

objects=
: >"$work/stale"
for file in "$sources"/src/ops/*.cpp "$sources"/src/*.cpp; do
    object=$work/$(basename "$file" .cpp).o
    objects="$objects ${object##*/}"
    [ -f "$object" ] && [ -z "$(find "$file" "$sources"/src/*.h "$sources"/src/ops/*.h "$sources/build.sh" "$work/declarations.h" "$work/numbers.h" -newer "$object")" ] &&
        { [ "$(basename "$file")" != operators.cpp ] || [ ! "$work/operators.inc" -nt "$object" ]; } && continue
    printf '%s\n%s\n' "$file" "$object" >>"$work/stale"
done
if [ -s "$work/stale" ]; then
    processors=$(nproc 2>/dev/null || echo 1)
    echo "native/ascend-emulator: compiling $(($(wc -l <"$work/stale") / 2)) files, $processors at a time (the first time takes about a minute)..." >&2
    export cxx flags work sources
    # shellcheck disable=SC2016 # the inner shell expands them
    tr '\n' '\0' <"$work/stale" | xargs -0 -P "$processors" -n 2 sh -c \
        '"$cxx" $flags -I"$work" -I"$sources/src" -c "$1" -o "$2.new" && mv "$2.new" "$2"' compile
fi

cd "$work" # where the objects have names without spaces
core=libhalcyon_ascend_emulator.so
facade() { # facade ROOT PROFILE LIBRARY
    awk_on_tables "$work/$2-$3.s" -v what=trampolines -v library="$3" -v profile="$2" -v machine="$machine"
    "$cxx" -shared -o "$1/lib64/lib$3.so" "$work/$2-$3.s" -Wl,-soname,"lib$3.so" -Wl,-rpath,'$ORIGIN' -Wl,-z,defs \
        -Wl,--no-as-needed -L"$1/lib64" -l:"$core"
}
for profile in 8.1 head; do
    root=$out/$profile
    rm -rf "$root"
    mkdir -p "$root/lib64" "$root/opp/built-in/op_impl/ai_core/tbe/kernel" "$root/$machine-linux"
    echo "extern \"C\" const char *const emu_linked_profile = \"$profile\";" >"$work/profile.cpp"
    "$cxx" -fPIC -fvisibility=hidden -c "$work/profile.cpp" -o "$work/profile-$profile.o"
    # The name that others need it by differs between the profiles, so that both can be loaded in one process.
    # shellcheck disable=SC2086
    "$cxx" -shared -pthread -o "$root/lib64/$core" $objects "$work/profile-$profile.o" -Wl,-soname,"libhalcyon_ascend_emulator-$profile.so" \
        -Wl,-z,defs -Wl,-z,nodelete
    ln -s "$core" "$root/lib64/libhalcyon_ascend_emulator-$profile.so"
    if [ "$profile" = 8.1 ]; then
        libraries="ascendcl nnopbase opapi"
        version=8.1.RC1
        printf 'runtime_running_version=[%s:%s]\n' "$version" "$version" >"$root/version.cfg"
    else
        libraries="acl_rt ascendcl nnopbase opapi_math opapi_nn opapi_transformer"
        version=9.0.0
    fi
    printf 'package_name=Ascend-cann-toolkit\nversion=%s\narch=%s\nos=linux\nemulated=true\n' "$version" "$machine" \
        >"$root/$machine-linux/ascend_toolkit_install.info"
    for library in $libraries; do
        facade "$root" "$profile" "$library"
    done
done
: >"$stamp"
