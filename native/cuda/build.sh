#!/bin/sh
# Builds the kernels for GPUs.
#
#   native/cuda/build.sh FOLDER     puts META-INF/halcyon/cuda/kernels.fatbin under FOLDER: machine code for sm_80, sm_90a
#                                   and sm_100, and PTX for what comes after. Only where nvcc is installed, and somebody
#                                   would use it: where there is a GPU, or HALCYON_CUDA_FATBIN=1 (it takes four minutes)
#   native/cuda/build.sh --ptx      makes the PTX anew that is kept in backend-cuda/src/main/resources; to be done and
#                                   committed after every change to a source, a test sees to that
#
# Elsewhere the first form says so in one line and succeeds: the driver then compiles the PTX. $NVCC names another nvcc.
set -eu
LC_ALL=C
export LC_ALL

[ $# -eq 1 ] || { echo "usage: $0 FOLDER | --ptx" >&2; exit 2; }
sources=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
nvcc=${NVCC:-nvcc}
flags="-O3 -std=c++17 -fmad=false"

# The PTX says what it was made of; a test computes the same over the sources.
hash_of_sources() {
    (cd "$sources" && for file in *.cu *.cuh; do echo "$file"; cat "$file"; done | sha256sum | cut -c1-64)
}

if [ "$1" = --ptx ]; then
    ptx=$sources/../../backend-cuda/src/main/resources/META-INF/halcyon/cuda/kernels_sm80.ptx
    work=$(mktemp)
    trap 'rm -f "$work"' EXIT
    # shellcheck disable=SC2086 # flags are words of their own
    "$nvcc" $flags --ptx -arch=compute_80 -o "$work" "$sources/kernels.cu"
    mkdir -p "$(dirname "$ptx")"
    # 7.0 is what compute_80 needs; with a later number drivers older than the compiler would refuse it.
    {
        echo "// Made by native/cuda/build.sh --ptx of sources with the hash $(hash_of_sources)"
        sed -e '/^\/\//d' -e '/^[[:space:]]*$/d' -e 's/^\.version .*/.version 7.0/' "$work"
    } >"$ptx"
    exit 0
fi

fatbin=$1/META-INF/halcyon/cuda/kernels.fatbin
if [ -f "$fatbin" ] && [ -z "$(find "$sources" -type f -newer "$fatbin")" ]; then
    exit 0
fi
# Machine code of older sources must not be what a device is given.
rm -f "$fatbin"
if ! command -v "$nvcc" >/dev/null; then
    echo "native/cuda: no nvcc ('$nvcc'), so the CUDA driver will compile the kernels from PTX when a device is opened" >&2
    exit 0
fi
if [ "${HALCYON_CUDA_FATBIN:-}" != 1 ] && [ ! -e /dev/nvidiactl ]; then
    echo "native/cuda: no GPU here, so its kernels stay PTX; HALCYON_CUDA_FATBIN=1 makes machine code, in four minutes" >&2
    exit 0
fi
mkdir -p "$(dirname "$fatbin")"
# shellcheck disable=SC2086
"$nvcc" $flags --fatbin --compress-mode=size \
    -gencode arch=compute_80,code=sm_80 -gencode arch=compute_90a,code=sm_90a -gencode arch=compute_100,code=sm_100 \
    -gencode arch=compute_80,code=compute_80 -o "$fatbin.new" "$sources/kernels.cu"
mv -f "$fatbin.new" "$fatbin"
