package dev.halcyon.tck.format;

/// How a block's scale is derived from its largest magnitude.
public enum ScaleRule {
    /// `max(amax, floor) / largest` (DeepSeek-V3 `act_quant`).
    LINEAR,
    /// The same quotient rounded up to a power of two (`scale_fmt = "ue8m0"`, DeepSeek-V3.1 and
    /// later).
    POWER_OF_TWO;

    /// The scale before it is stored, with the quotient in F32 as the reference kernels take it.
    ///
    /// @param amax largest magnitude of the block
    /// @param values what the block will hold
    public float scale(float amax, BlockValues values) {
        float quotient = Math.max(amax, values.floor()) / values.largest();
        return this == LINEAR || !Float.isFinite(quotient)
                ? quotient
                : (float) PowerOfTwoScale.ceiling(quotient);
    }
}
