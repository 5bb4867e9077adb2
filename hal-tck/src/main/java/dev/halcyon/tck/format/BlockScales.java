package dev.halcyon.tck.format;

/// What the scales of a block-scaled matrix are stored as.
public enum BlockScales {
    /// Single precision (DeepSeek-V3 `weight_scale_inv`).
    F32,
    /// BF16 (Kimi K2.5 int4).
    BF16,
    /// Half precision.
    F16,
    /// Powers of two (DeepSeek-V4).
    E8M0;

    private static final float E8M0_MIN = 0x1p-127f;
    private static final float E8M0_MAX = 0x1p127f;

    /// `scale` as it is read back: rounded to nearest, ties to even; a power of two beyond the
    /// range of [#E8M0] becomes the nearest in range.
    ///
    /// @throws IllegalArgumentException if the type is E8M0 and `scale` is no power of two
    public double stored(float scale) {
        return switch (this) {
            case F32 -> scale;
            case BF16 -> FloatFormat.BF16.round(scale, FloatFormat.Overflow.SPECIAL);
            case F16 -> FloatFormat.F16.round(scale, FloatFormat.Overflow.SPECIAL);
            case E8M0 ->
                    Float.isNaN(scale)
                            ? Double.NaN
                            : PowerOfTwoScale.decode(
                                    PowerOfTwoScale.encodeExact(
                                            Math.clamp(scale, E8M0_MIN, E8M0_MAX)));
        };
    }
}
