package dev.halcyon.checkpoint;

import java.util.List;

/// How a checkpoint stores its linear weights, `quantization_config` of its `config.json`.
///
/// It says what kind of quantised tensors to expect; which weights are quantised shows in the names
/// that the checkpoint holds (see [WeightNames]).
public sealed interface Quantization {
    /// Every weight is in the model's own type.
    record Unquantized() implements Quantization {}

    /// F8_E4M3 weights, each block of them with a scale in `<weight>_scale_inv`; despite that name
    /// a value is the weight times the scale.
    ///
    /// @param blockRows rows of a block, the last may be partial
    /// @param blockColumns columns of a block, the last may be partial
    /// @param powerOfTwoScales whether scales, and those of activations, are rounded up to a power
    ///   of two (`scale_fmt` ue8m0)
    record Fp8Blocks(int blockRows, int blockColumns, boolean powerOfTwoScales)
            implements Quantization {
        /// @throws IllegalArgumentException if a block dimension is out of bounds
        public Fp8Blocks {
            ConfigBounds.width("weight_block_size[0]", blockRows);
            ConfigBounds.width("weight_block_size[1]", blockColumns);
        }
    }

    /// Symmetric 4-bit integers, eight to an I32 from the low bits on, each stored plus 8, with a
    /// scale per group along a row.
    ///
    /// A weight of this kind is three tensors: `weight_packed` I32 [N, K/8], `weight_scale` [N,
    /// K/groupSize] and `weight_shape` I32 [2].
    ///
    /// @param groupSize consecutive elements of a row that share a scale, a multiple of 8
    /// @param ignore modules that are not quantised: their names, or `re:` and a regular expression
    ///   that a name must begin with
    record PackedInt4(int groupSize, List<String> ignore) implements Quantization {
        /// Elements in one I32.
        public static final int PER_WORD = 8;

        /// @throws IllegalArgumentException if the group size is out of bounds or a pattern is not
        ///   acceptable
        public PackedInt4 {
            ConfigBounds.width("group_size", groupSize);
            if (groupSize % PER_WORD != 0) {
                throw new IllegalArgumentException(
                        "group_size is " + groupSize + ", not a multiple of " + PER_WORD);
            }
            ignore = List.copyOf(ignore);
            ignore.forEach(ModulePattern::check);
        }

        /// Whether module `name`, a weight's name without `.weight`, is left unquantised.
        ///
        /// @throws IllegalArgumentException if an expression takes an absurd number of steps on the
        ///   name
        public boolean ignores(String name) {
            return ignore.stream().anyMatch(pattern -> ModulePattern.matches(pattern, name));
        }
    }
}
