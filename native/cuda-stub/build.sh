#!/bin/sh
# Builds what stands in for a GPU in tests: libcuda.so.1, and the kernels of native/cuda for the processor.
#
#   native/cuda-stub/build.sh FOLDER
#
# It does nothing if both are newer than all sources. Without a C or C++ compiler it says so in one line and succeeds: the
# tests that need them are then skipped aloud. $CC and $CXX name other compilers than cc and c++.
set -eu
LC_ALL=C
export LC_ALL

[ $# -eq 1 ] || { echo "usage: $0 FOLDER" >&2; exit 2; }
sources=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
kernels=$(CDPATH='' cd -- "$sources/../cuda" 2>/dev/null && pwd -P || true)
cc=${CC:-cc}
cxx=${CXX:-c++}

without() {
    echo "native/cuda-stub: $1; the tests of the CUDA backend that need it will be SKIPPED" >&2
    exit 0
}

[ "$(uname -s)" = Linux ] || without "there is no stub of the CUDA driver for $(uname -s)"
mkdir -p "$1"
folder=$(CDPATH='' cd -- "$1" && pwd -P)
is_stale() {
    [ ! -f "$1" ] || [ -n "$(find "$sources" ${kernels:+"$kernels"} -type f -newer "$1")" ]
}

if is_stale "$folder/libcuda.so.1"; then
    command -v "$cc" >/dev/null || without "there is no C compiler '$cc'"
    # -z now: a function that the stub lacks is found when it is built, not when a test calls it.
    "$cc" -std=c11 -D_GNU_SOURCE -O1 -g -fPIC -fvisibility=hidden -Wall -Wextra -shared -Wl,-z,defs \
        -Wl,-soname,libcuda.so.1 -o "$folder/libcuda.so.1.new" "$sources"/*.c -ldl -lpthread
    mv -f "$folder/libcuda.so.1.new" "$folder/libcuda.so.1"
fi
if is_stale "$folder/libcublasLt.so.13"; then
    "$cc" -std=c11 -D_GNU_SOURCE -O2 -g -fPIC -fvisibility=hidden -Wall -Wextra -shared -Wl,-z,defs \
        -Wl,-soname,libcublasLt.so.13 -o "$folder/libcublasLt.so.13.new" "$sources"/blas/*.c -L"$folder" -l:libcuda.so.1
    mv -f "$folder/libcublasLt.so.13.new" "$folder/libcublasLt.so.13"
fi

# What a machine may have in the driver's place: a library that lacks another one, and one without functions.
variant() {
    name=$1
    shift
    if is_stale "$folder/$name/libcuda.so.1"; then
        mkdir -p "$folder/$name"
        echo 'extern int absent; int *halcyon_use(void); int *halcyon_use(void) { return &absent; }' >"$folder/$name/use.c"
        echo 'int absent;' >"$folder/$name/absent.c"
        "$cc" -fPIC -shared -Wl,-soname,libhalcyon_absent.so -o "$folder/$name/libhalcyon_absent.so" "$folder/$name/absent.c"
        "$cc" -fPIC -shared -Wl,-soname,libcuda.so.1 -o "$folder/$name/libcuda.so.1" "$@"
        rm -f "$folder/$name"/*.c "$folder/$name/libhalcyon_absent.so"
    fi
}
variant incomplete "$folder/incomplete/use.c" -L"$folder/incomplete" -lhalcyon_absent
variant empty "$folder/empty/absent.c"

if [ -n "$kernels" ] && is_stale "$folder/libhalcyon_cuda_host.so"; then
    command -v "$cxx" >/dev/null || without "there is no C++ compiler '$cxx', hence no kernels for the processor"
    # No contraction, as nvcc is told too: what is fused is written in the source.
    "$cxx" -x c++ -std=c++17 -O2 -g -fPIC -fvisibility=hidden -ffp-contract=off -Wall -Wextra -Wno-unknown-pragmas \
        -I"$kernels" -I"$sources/host" -DHALCYON_HOST -shared -Wl,-z,defs \
        -o "$folder/libhalcyon_cuda_host.so.new" "$kernels/kernels.cu" "$sources/host/block.cpp" "$sources/host/checks.cpp" -lpthread
    mv -f "$folder/libhalcyon_cuda_host.so.new" "$folder/libhalcyon_cuda_host.so"
fi
