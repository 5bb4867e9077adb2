package dev.halcyon.hal.kernel.moe;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.kernel.Require;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import java.util.Objects;

/// Nudges the selection bias of every expert towards an even load.
///
/// ```
/// bias[e] += rate · sign(mean(load) - load[e])
/// ```
///
/// `bias` is `F32 [experts]`, updated in place; `load` is `I32 [experts]`, the tokens that each
/// expert got in the whole (global) batch, from [ExpertLoad]. The sign is exact: 64-bit integers
/// compare the sum of all loads with `experts · load[e]`, and an expert with just the mean load
/// keeps its bias.
///
/// Source: the auxiliary-loss-free balancing of DeepSeek-V3 and V4 (both use a rate of 0.001).
///
/// @param experts experts of the layer
/// @param rate the step, called gamma in the reports
public record RouterBiasUpdate(int experts, double rate)
        implements KernelSpec<RouterBiasUpdate.Args> {
    /// Operands, as described at [RouterBiasUpdate].
    public record Args(Tensor bias, Tensor load) implements KernelArgs {
        public Args {
            Objects.requireNonNull(bias, "bias");
            Objects.requireNonNull(load, "load");
        }

        /// {@return arguments that move `bias` by `load`}
        public static Args of(Tensor bias, Tensor load) {
            return new Args(bias, load);
        }

        @Override
        public Operands operands() {
            return Operands.of().update("bias", bias).read("load", load);
        }
    }

    public RouterBiasUpdate {
        Require.positive("experts", experts);
        Require.positive("rate", rate);
    }

    /// {@return the update of DeepSeek-V3 and V4, with a rate of 0.001}
    public static RouterBiasUpdate of(int experts) {
        return new RouterBiasUpdate(experts, 0.001);
    }

    /// {@return this update with another rate}
    public RouterBiasUpdate withRate(double step) {
        return new RouterBiasUpdate(experts, step);
    }

    @Override
    public void validate(Args args) {
        Require.tensor("bias", args.bias, DType.F32, experts);
        Require.tensor("load", args.load, DType.I32, experts);
    }

    @Override
    public Cost cost() {
        return new Cost(3.0 * experts, 12.0 * experts);
    }
}
