package dev.halcyon.backend.cpu.nativecode;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.invoke.MethodHandle;

/// `mla_amx.c`, `mla_avx512bf16.c` and `mla_ends_avx512bf16.c`: attention of a block of keys, and
/// what comes before the first and after the last one. `mla.h` has the layouts.
///
/// Everything is an address or a number of 64 bits; what an address leads to must stay alive for
/// the call.
public final class AttentionCalls {
    private static final MethodHandle SCRATCH =
            NativeLibrary.function(
                    "hcpu_mla_scratch_bytes",
                    FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG));
    private static final MethodHandle PACK =
            NativeLibrary.function(
                    "hcpu_mla_pack_queries",
                    FunctionDescriptor.ofVoid(
                            JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG));
    private static final MethodHandle MERGE =
            NativeLibrary.function(
                    "hcpu_mla_merge",
                    FunctionDescriptor.ofVoid(
                            JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG));
    private static final FunctionDescriptor BLOCK = FunctionDescriptor.ofVoid(JAVA_LONG);
    private static final MethodHandle AVX512_BF16 =
            NativeLibrary.function("hcpu_mla_attend_avx512bf16", BLOCK);
    private static final MethodHandle AMX = NativeLibrary.function("hcpu_mla_attend_amx", BLOCK);

    private AttentionCalls() {}

    /// {@return bytes of scratch memory for keys of two parts and values of so many numbers}
    public static long scratchBytes(long keyDim, long ropeDim, long valueDim) {
        try {
            return (long) SCRATCH.invokeExact(keyDim, ropeDim, valueDim);
        } catch (Throwable failed) {
            throw Downcall.failure(failed);
        }
    }

    /// Packs queries.
    ///
    /// @param rows addresses of 16 addresses a group, 0 for a lane of zeros
    public static void packQueries(
            long rows, long groups, long keyDim, long ropeDim, long queries) {
        try {
            PACK.invokeExact(rows, groups, keyDim, ropeDim, queries);
        } catch (Throwable failed) {
            throw Downcall.failure(failed);
        }
    }

    /// Lets all lanes of a `struct mla_block` see its keys.
    ///
    /// @param level whose instructions to use, not [NativeLevel#NONE]
    public static void attend(NativeLevel level, long block) {
        try {
            if (level.includes(NativeLevel.AMX)) {
                AMX.invokeExact(block);
            } else {
                AVX512_BF16.invokeExact(block);
            }
        } catch (Throwable failed) {
            throw Downcall.failure(failed);
        }
    }

    /// Adds up a lane's partial results, each times its factor, and rounds them to BF16.
    public static void merge(
            long sums, long parts, long partBytes, long factors, long columns, long out) {
        try {
            MERGE.invokeExact(sums, parts, partBytes, factors, columns, out);
        } catch (Throwable failed) {
            throw Downcall.failure(failed);
        }
    }
}
