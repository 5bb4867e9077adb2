package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.hal.host.FloatFormats;
import dev.halcyon.hal.memory.DType;

/// Rounding of floats as if they were stored in a narrower type and read back, where a fused kernel
/// does not store them.
enum StoredAs {
    /// Nothing is lost.
    AS_IS,
    /// To BF16.
    BF16,
    /// To F16.
    F16;

    /// {@return the rounding to `type` of values that are then rounded to `next` anyway}
    static StoredAs before(DType type, DType next) {
        return type == next ? AS_IS : of(type);
    }

    /// {@return the rounding to `type` of values that `last` holds already}
    static StoredAs after(DType last, DType type) {
        return type == last ? AS_IS : of(type);
    }

    private static StoredAs of(DType type) {
        return switch (type) {
            case BF16 -> BF16;
            case F16 -> F16;
            case F32 -> AS_IS;
            default -> throw new IllegalArgumentException(type + " is not a type of activations");
        };
    }

    /// Rounds the first `n` elements, to nearest even.
    void round(float[] values, int n) {
        switch (this) {
            case AS_IS -> {}
            case BF16 -> {
                for (int i = 0; i < n; i++) {
                    values[i] = FloatFormats.bf16ToFloat(FloatFormats.floatToBf16(values[i]));
                }
            }
            case F16 -> {
                for (int i = 0; i < n; i++) {
                    values[i] = Float.float16ToFloat(Float.floatToFloat16(values[i]));
                }
            }
        }
    }
}
