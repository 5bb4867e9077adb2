package dev.halcyon.backend.cpu.nativecode;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.invoke.MethodHandle;

/// `peak_avx512bf16.c` and `peak_amx.c`: the most that a core can multiply and add from registers.
///
/// Every method returns how many operations it did, a multiply-add counting as two; the caller
/// takes the time.
public final class PeakCalls {
    private static final FunctionDescriptor STEPS = FunctionDescriptor.of(JAVA_DOUBLE, JAVA_LONG);
    private static final MethodHandle F32 = NativeLibrary.function("hcpu_peak_f32", STEPS);
    private static final MethodHandle BF16 = NativeLibrary.function("hcpu_peak_bf16", STEPS);
    private static final MethodHandle TILES = NativeLibrary.function("hcpu_peak_tiles", STEPS);

    private PeakCalls() {}

    /// F32 multiply-adds of 512-bit vectors, 384 operations a step; needs
    /// [NativeLevel#AVX512_BF16].
    public static double f32(long steps) {
        try {
            return (double) F32.invokeExact(steps);
        } catch (Throwable failed) {
            throw Downcall.failure(failed);
        }
    }

    /// BF16 pairs with `vdpbf16ps`, 768 operations a step; needs [NativeLevel#AVX512_BF16].
    public static double bf16(long steps) {
        try {
            return (double) BF16.invokeExact(steps);
        } catch (Throwable failed) {
            throw Downcall.failure(failed);
        }
    }

    /// BF16 tiles with `tdpbf16ps`, 65,536 operations a step; needs [NativeLevel#AMX].
    public static double tiles(long steps) {
        try {
            return (double) TILES.invokeExact(steps);
        } catch (Throwable failed) {
            throw Downcall.failure(failed);
        }
    }
}
