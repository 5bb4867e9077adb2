#!/bin/sh
# Packs everything that a machine with a GPU needs to check the CUDA backend: a Java runtime, the classes, the kernels, the
# reference cases and the script that runs them. The bundle needs a driver there, and neither network nor installation.
#
#   native/gpu-check/pack.sh [--built] FILE.tar.xz
#
# There:  tar xf FILE.tar.xz && halcyon-gpu-check/gpu-check
# Here, to try the script itself:  halcyon-gpu-check/gpu-check --rehearse
#
# --built takes the classes as they are instead of building first. Needs Maven (unless --built) and a JDK 25 or later; machine
# code for GPUs is in the bundle where nvcc is installed here, else the driver compiles the kernels there.
set -eu
LC_ALL=C
export LC_ALL

most_bytes=62914560     # 60 MiB
modules="hal-api checkpoint hal-tck backend-cpu backend-cuda engine bench"
runtime=java.base,java.logging,java.management,java.xml,jdk.incubator.vector,jdk.jfr,jdk.management,jdk.unsupported

fail() {
    echo "gpu-check: $*" >&2
    exit 1
}

built=
[ "${1:-}" != --built ] || { built=1; shift; }
[ $# -eq 1 ] || { echo "usage: $0 [--built] FILE.tar.xz" >&2; exit 2; }
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
home=$(CDPATH='' cd -- "$here/../.." && pwd -P)
bundle=$(CDPATH='' cd -- "$(dirname -- "$1")" && pwd -P)/$(basename -- "$1")

jdk=
for candidate in "${JAVA25_HOME:-}" "${JAVA_HOME:-}" /usr/lib/jvm/* /opt/java/* "${HOME:-}"/.sdkman/candidates/java/* "${HOME:-}"/.jdks/*; do
    if [ ! -x "$candidate/bin/jlink" ] || [ ! -r "$candidate/release" ]; then
        continue
    fi
    major=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$candidate/release")
    [ "${major:-0}" -lt 25 ] || { jdk=$candidate; break; }
done
[ -n "$jdk" ] || fail "a JDK 25 or later is needed; set JAVA25_HOME to where it is"

if [ -z "$built" ]; then
    command -v mvn >/dev/null || fail "Maven is needed to build; install it, or build elsewhere and give --built"
    (cd "$home" && HALCYON_CUDA_FATBIN=1 mvn -q -B -Dstyle.color=never -pl bench,backend-cuda -am test-compile) || fail "the build failed, see above"
fi
[ -f "$home/bench/target/classpath.txt" ] || fail "nothing is built in $home; leave --built away"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
root=$work/halcyon-gpu-check
mkdir -p "$root/lib"

for module in $modules; do
    "$jdk/bin/jar" --create --no-compress --file "$root/lib/$module.jar" -C "$home/$module/target/classes" .
done
"$jdk/bin/jar" --create --no-compress --file "$root/lib/backend-cuda-tests.jar" -C "$home/backend-cuda/target/test-classes" .

# The libraries of the command line, without what makes text into tokens, which weighs more than all else together.
# Its last line has no end, which read would take for none.
tr ':' '\n' <"$home/bench/target/classpath.txt" | while read -r entry || [ -n "$entry" ]; do
    case $entry in
        *.jar)
            case $(basename "$entry") in
                tokenizers-* | jcuda-natives-*) ;;
                *) cp "$entry" "$root/lib/" ;;
            esac
            ;;
    esac
done
# Of JCuda's natives the driver API alone; the PTX compiler is nine tenths of the jar.
natives=$(tr ':' '\n' <"$home/bench/target/classpath.txt" | grep 'jcuda-natives-.*linux-x86_64' || true)
if [ -n "$natives" ]; then
    mkdir "$work/natives"
    (cd "$work/natives" && "$jdk/bin/jar" --extract --file "$natives")
    find "$work/natives/lib" -name '*.so' ! -name 'libJCudaDriver-*' -delete
    "$jdk/bin/jar" --create --no-compress --file "$root/lib/$(basename "$natives")" -C "$work/natives" .
fi

console=junit-platform-console-standalone
version=$(sed -n 's/.*<junit.version>5\.\(.*\)<\/junit.version>.*/1.\1/p' "$home/pom.xml")
jar=${MAVEN_REPOSITORY:-$HOME/.m2/repository}/org/junit/platform/$console/$version/$console-$version.jar
[ -f "$jar" ] || (cd "$home" && mvn -q -B -N dependency:get "-Dartifact=org.junit.platform:$console:$version" -Dtransitive=false) ||
    fail "JUnit's console could not be fetched"
cp "$jar" "$root/lib/"

"$jdk/bin/jlink" --add-modules $runtime --strip-debug --no-header-files --no-man-pages --compress zip-0 --output "$root/runtime"

# What stands in for a GPU when the script itself is rehearsed.
sh "$home/native/cuda-stub/build.sh" "$work/stub"
if [ -f "$work/stub/libhalcyon_cuda_host.so" ]; then
    mkdir "$root/rehearsal"
    cp "$work/stub/libcuda.so.1" "$work/stub/libhalcyon_cuda_host.so" "$root/rehearsal/"
    strip --strip-debug "$root/rehearsal"/* 2>/dev/null || true
fi

cp "$here/gpu-check" "$root/"
if [ -f "$home/backend-cuda/target/classes/META-INF/halcyon/cuda/kernels.fatbin" ]; then
    kernels="machine code and PTX"
else
    kernels="PTX alone"
fi
{
    echo "commit: $(git -C "$home" rev-parse HEAD 2>/dev/null || echo unknown)"
    echo "changed: $(git -C "$home" status --porcelain 2>/dev/null | wc -l) files"
    echo "packed: $(date -u +%Y-%m-%dT%H:%M:%SZ)"
    echo "runtime: $(sed -n 's/^IMPLEMENTOR_VERSION="\(.*\)"/\1/p' "$jdk/release")"
    echo "kernels: $kernels"
} >"$root/CONTENTS"

tar -C "$work" -cf - halcyon-gpu-check | xz -T1 -6 >"$bundle.new"
bytes=$(wc -c <"$bundle.new")
[ "$bytes" -le $most_bytes ] || fail "the bundle has $bytes bytes, more than the $most_bytes that are allowed"
mv -f "$bundle.new" "$bundle"
echo "gpu-check: $bundle, $((bytes / 1048576)) MiB, kernels as $kernels" >&2
