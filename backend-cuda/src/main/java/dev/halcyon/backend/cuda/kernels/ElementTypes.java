package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.spi.Decision;

import java.util.Arrays;

/// Element types as device code numbers them, and which variant of a kernel is compiled for them.
final class ElementTypes {
    private ElementTypes() {}

    /// {@return the number by which device code knows a type that is read as numbers}
    static int code(DType dtype) {
        return switch (dtype) {
            case F64 -> 0;
            case F32 -> 1;
            case F16 -> 2;
            case BF16 -> 3;
            case F8_E4M3 -> 4;
            case F8_E5M2 -> 5;
            case F8_E8M0 -> 6;
            case F4_E2M1 -> 7;
            case I4 -> 8;
            default -> throw new IllegalArgumentException(dtype + " is not read as numbers");
        };
    }

    /// {@return whether a matrix may be stored in this type}
    static boolean isWeight(DType dtype) {
        return switch (dtype) {
            case F32, F16, BF16, F8_E4M3, F8_E5M2, F8_E8M0, F4_E2M1, I4 -> true;
            default -> false;
        };
    }

    /// {@return the name of the variant for these types: one of its own for BF16 and for F32
    /// throughout, else the one that looks at the types as it runs}
    static String variant(String kernel, DType... types) {
        if (Arrays.stream(types).allMatch(type -> type == DType.BF16)) {
            return kernel + "_bf16";
        }
        return Arrays.stream(types).allMatch(type -> type == DType.F32) ? kernel + "_f32" : kernel;
    }

    /// {@return whether one of these types is F64, in which the row kernels do not compute}
    static boolean isWide(DType... types) {
        return Arrays.asList(types).contains(DType.F64);
    }

    /// {@return the refusal of F64}
    static <A extends KernelArgs> Decision<A, CudaWork> declineWide(String spec) {
        return Decision.refused(
                Support.Reason.FORMAT,
                spec + " on a GPU computes in F32 and does not take F64",
                "F32, F16 or BF16, or the CPU backend");
    }

    /// {@return what a kernel promises that computes every row in F32, in an order of its own}
    static Numerics rowNumerics() {
        return Numerics.F32_INVARIANT;
    }
}
