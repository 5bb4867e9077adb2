package dev.halcyon.tck.format;

/// Eight-bit activations with one scale per group of consecutive values of a row: `act_quant`, 128 values to a scale.
///
/// This is [Fp8Blocks] with blocks one row high: `s = max(amax, 1e-4) / 448`, rounded up to a power of two under
/// [ScaleRule#UE8M0], and `code = e4m3(x / s)` with the quotient in F32. Source: DeepSeek-V3 inference/kernel.py, `act_quant`.
public final class Fp8Groups {
    private Fp8Groups() {}

    /// The scheme with `group` values per scale; a row's last group may be partial.
    public static Fp8Blocks of(FloatFormat format, int group) {
        return new Fp8Blocks(format, 1, group);
    }

    /// The scheme of the DeepSeek-V3 family: E4M3, 128 channels to a scale.
    public static Fp8Blocks deepSeekV3() {
        return of(FloatFormat.E4M3, 128);
    }
}
