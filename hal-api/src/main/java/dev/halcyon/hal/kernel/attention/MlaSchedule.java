package dev.halcyon.hal.kernel.attention;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.kernel.Require;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import java.util.Objects;

/// Numbers the splits of a decode step, once for all its layers.
///
/// ```
/// splitStart[b + 1] = splitStart[b] + ceil(lengths[b] / splitRows)
/// ```
///
/// `lengths` is `I32 [B]` with B up to `maxSequences`; `splitStart` is `I32 [B + 1]` and begins
/// with 0, so that splits `splitStart[b] … splitStart[b + 1] - 1` are those of sequence b and none
/// belongs to an empty one. A negative length counts as 0 and raises the fault word.
///
/// @param maxSequences upper bound of the number of sequences
/// @param splitRows cache rows a split, as in the [MlaDecode] that reads the schedule
public record MlaSchedule(int maxSequences, int splitRows) implements KernelSpec<MlaSchedule.Args> {
    /// Operands, as described at [MlaSchedule].
    public record Args(Tensor lengths, Tensor splitStart) implements KernelArgs {
        public Args {
            Objects.requireNonNull(lengths, "lengths");
            Objects.requireNonNull(splitStart, "splitStart");
        }

        /// {@return arguments that write `splitStart`}
        public static Args of(Tensor lengths, Tensor splitStart) {
            return new Args(lengths, splitStart);
        }

        @Override
        public Operands operands() {
            return Operands.of().read("lengths", lengths).write("splitStart", splitStart);
        }
    }

    public MlaSchedule {
        Require.between("maxSequences", maxSequences, 1, Integer.MAX_VALUE - 1);
        Require.positive("splitRows", splitRows);
    }

    /// {@return the schedule that `decode` reads}
    public static MlaSchedule of(MlaDecode decode) {
        return new MlaSchedule(decode.maxSequences(), decode.splitRows());
    }

    @Override
    public void validate(Args args) {
        long sequences = Require.rows("lengths", args.lengths, DType.I32, maxSequences);
        Require.tensor("splitStart", args.splitStart, DType.I32, sequences + 1);
    }

    @Override
    public Cost cost() {
        return cost(maxSequences);
    }

    @Override
    public Cost cost(Args args) {
        return cost(args.lengths.dim(0));
    }

    private static Cost cost(double sequences) {
        return new Cost(0, 4 * (2 * sequences + 1));
    }
}
