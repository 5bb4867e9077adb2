package dev.halcyon.tck.format;

/// How a block's scale is derived from its largest magnitude.
public enum ScaleRule {
    /// `amax / maxFinite`, rounded to F32 (DeepSeek-V3 `act_quant`).
    FP32,
    /// The same quotient rounded up to a power of two (`scale_fmt = "ue8m0"`, DeepSeek-V3.1 and later).
    UE8M0;

    /// The scale for a block whose largest magnitude is `amax`, when the codes' largest value is `maxFinite`.
    ///
    /// The quotient is taken in F32, as the reference kernels do; the caller has applied the floor on `amax`.
    public float scale(float amax, float maxFinite) {
        float quotient = amax / maxFinite;
        return this == FP32 ? quotient : (float) E8M0.ceiling(quotient);
    }
}
