#!/bin/sh
# Builds libhalcyon_cpu, where there are native kernels for this machine and a compiler for them.
#
#   native/cpu/build.sh FOLDER...
#
# puts META-INF/halcyon/native/linux-x86_64/libhalcyon_cpu.so under every FOLDER: a folder of classes, or the root of a
# jar. It does nothing if the first one is newer than all sources. Without a compiler it says so in one line and
# succeeds, because everything works without the library; $CC names another compiler than cc.
set -eu
LC_ALL=C
export LC_ALL

[ $# -gt 0 ] || { echo "usage: $0 FOLDER..." >&2; exit 2; }
sources=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
cc=${CC:-cc}

without() {
    echo "native/cpu: NO NATIVE KERNELS, the CPU backend will run on Java's alone: $1" >&2
    exit 0
}

case $(uname -s)-$(uname -m) in
    Linux-x86_64) platform=linux-x86_64 ;;
    *) without "there are none for $(uname -s) on $(uname -m) yet" ;;
esac
library=META-INF/halcyon/native/$platform/libhalcyon_cpu.so

# Flags of a source file by the end of its name. A file never runs on a processor that lacks what its flags allow.
avx512bf16="-mavx2 -mfma -mbmi2 -mf16c -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vbmi -mavx512vnni -mavx512bf16"
avx512bf16="$avx512bf16 -mprefer-vector-width=512"
amx="$avx512bf16 -mamx-tile -mamx-bf16"
isa() {
    case $1 in
        *_amx.c) echo "$amx" ;;
        *_avx512bf16.c) echo "$avx512bf16" ;;
        *) echo "-march=x86-64" ;;
    esac
}

# A library is replaced by renaming, never written over: a JVM may have it open.
place() {
    mkdir -p "$(dirname "$2")"
    cp "$1" "$2.new.$$"
    mv -f "$2.new.$$" "$2"
}

first=$1/$library
if [ ! -f "$first" ] || [ -n "$(find "$sources" -name '*.[ch]' -newer "$first")$(find "$0" -newer "$first")" ]; then
    command -v "$cc" >/dev/null || without "there is no C compiler '$cc'; install gcc 11 or clang 12, or later"
    work=$(mktemp -d)
    mkdir "$work/objects"
    trap 'rm -rf "$work"' EXIT
    trap 'exit 130' INT TERM HUP
    echo '#include <immintrin.h>
        __m512 f(__m512 s, __m512bh x) { _tile_dpbf16ps(0, 1, 2); return _mm512_dpbf16_ps(s, x, x); }' >"$work/probe.c"
    # shellcheck disable=SC2086 # flags are words of their own
    "$cc" $amx -c "$work/probe.c" -o "$work/probe.o" 2>/dev/null ||
        without "the compiler '$cc' does not know AVX512-BF16 or AMX; install gcc 11 or clang 12, or later"
    # From within the folder and without a build id, so that the same sources give the same bytes anywhere.
    cd "$sources"
    for file in *.c; do
        # No contraction: whether a product and a sum are rounded once or twice is written in the source.
        # shellcheck disable=SC2046
        "$cc" -std=c11 -D_DEFAULT_SOURCE -O3 $(isa "$file") -fPIC -fvisibility=hidden -ffp-contract=off -fno-math-errno \
            -fno-strict-aliasing -Wall -Wextra -Werror=implicit-function-declaration -c "$file" -o "$work/objects/${file%.c}.o"
    done
    cd - >/dev/null
    "$cc" -shared -Wl,--build-id=none -Wl,-z,noexecstack -Wl,-z,relro,-z,now -s -o "$work/library.so" "$work"/objects/*.o
    place "$work/library.so" "$first"
fi
shift
for folder; do
    [ -f "$folder/$library" ] && [ ! "$first" -nt "$folder/$library" ] || place "$first" "$folder/$library"
done
