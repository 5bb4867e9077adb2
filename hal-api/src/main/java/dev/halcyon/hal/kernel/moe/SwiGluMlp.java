package dev.halcyon.hal.kernel.moe;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Lowering;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.kernel.Require;
import dev.halcyon.hal.kernel.elementwise.SwiGlu;
import dev.halcyon.hal.kernel.linear.Gemm;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.WeightFormat;

import org.jspecify.annotations.Nullable;

import java.util.Objects;
import java.util.Optional;

/// The dense feed-forward network, which is also the shared expert of an MoE layer.
///
/// | operand | type and shape | |
/// |---|---|---|
/// | `x` | `x [R, hidden]` | R up to `maxRows` |
/// | `gate`, `up` | `gateUp [dim, hidden]` | |
/// | `down` | `down [hidden, dim]` | |
/// | `out` | `out [R, hidden]` | |
/// | `activeRows` | `I32 [1]` | optional; bounds the rows |
///
/// ```
/// out = swiglu(x gateᵀ, x upᵀ) downᵀ
/// swiglu(g, u) = silu(min(g, limit)) · clamp(u, -limit, limit)
/// ```
///
/// as [SwiGlu] computes it. Both projections and their product are rounded to `intermediate` unless
/// a backend keeps them wider; sums run in F32 (F64 if `x` is F64).
///
/// Source: DeepSeek-V3 `inference/model.py` (MLP), DeepSeek-V4 `inference/model.py` (the limit,
/// shared expert included).
///
/// @param maxRows upper bound of the number of rows
/// @param hidden values of a row on the outside
/// @param dim values of a row on the inside
/// @param gateUp storage of `gate` and `up`
/// @param down storage of `down`
/// @param limit clamps the projections; positive infinity for none
/// @param x element type of the rows
/// @param intermediate element type between the products
/// @param out element type of the result
/// @param batchInvariant whether a row's result may not depend on the other rows
public record SwiGluMlp(
        int maxRows,
        int hidden,
        int dim,
        WeightFormat gateUp,
        WeightFormat down,
        double limit,
        DType x,
        DType intermediate,
        DType out,
        boolean batchInvariant)
        implements KernelSpec<SwiGluMlp.Args> {
    /// Operands, as tabled at [SwiGluMlp].
    public record Args(
            Tensor x,
            Operand gate,
            Operand up,
            Operand down,
            Tensor out,
            @Nullable Tensor activeRows)
            implements KernelArgs {
        public Args {
            Objects.requireNonNull(x, "x");
            Objects.requireNonNull(gate, "gate");
            Objects.requireNonNull(up, "up");
            Objects.requireNonNull(down, "down");
            Objects.requireNonNull(out, "out");
        }

        /// {@return the operands of a network over all rows}
        public static Args of(Tensor x, Operand gate, Operand up, Operand down, Tensor out) {
            return new Args(x, gate, up, down, out, null);
        }

        /// {@return these with the number of live rows}
        public Args withActiveRows(@Nullable Tensor count) {
            return new Args(x, gate, up, down, out, count);
        }

        @Override
        public Operands operands() {
            return Operands.of()
                    .read("x", x)
                    .read("gate", gate)
                    .read("up", up)
                    .read("down", down)
                    .write("out", out)
                    .read("activeRows", activeRows);
        }
    }

    public SwiGluMlp {
        Require.positive("maxRows", maxRows);
        Require.positive("hidden", hidden);
        Require.positive("dim", dim);
        unlisted("gateUp", gateUp);
        unlisted("down", down);
        Require.that(
                limit > 0, "limit must be above 0, or positive infinity for none, not " + limit);
        Require.activation("x", x);
        Require.activation("intermediate", intermediate);
        Require.activation("out", out);
    }

    private static void unlisted(String name, WeightFormat format) {
        Objects.requireNonNull(format, name);
        Require.that(!format.isListed(), name + " must be one matrix, not a list: " + format);
    }

    /// {@return a network without limit, all weights stored alike and all rows of one type}
    public static SwiGluMlp of(
            int maxRows, int hidden, int dim, WeightFormat weights, DType dtype) {
        return new SwiGluMlp(
                maxRows,
                hidden,
                dim,
                weights,
                weights,
                Double.POSITIVE_INFINITY,
                dtype,
                dtype,
                dtype,
                false);
    }

    /// {@return this network with other storage}
    public SwiGluMlp withFormats(WeightFormat gateAndUp, WeightFormat last) {
        return new SwiGluMlp(
                maxRows, hidden, dim, gateAndUp, last, limit, x, intermediate, out, batchInvariant);
    }

    /// {@return this network with clamped projections}
    public SwiGluMlp withLimit(double clamp) {
        return new SwiGluMlp(
                maxRows, hidden, dim, gateUp, down, clamp, x, intermediate, out, batchInvariant);
    }

    /// {@return this network with other element types}
    public SwiGluMlp withTypes(DType from, DType between, DType to) {
        return new SwiGluMlp(
                maxRows, hidden, dim, gateUp, down, limit, from, between, to, batchInvariant);
    }

    /// {@return this network with or without the promise of batch invariance}
    public SwiGluMlp withBatchInvariant(boolean promised) {
        return new SwiGluMlp(
                maxRows, hidden, dim, gateUp, down, limit, x, intermediate, out, promised);
    }

    @Override
    public void validate(Args args) {
        long rows = Require.rows("x", args.x, x, maxRows, hidden);
        Require.weight("gate", args.gate, gateUp, dim, hidden);
        Require.weight("up", args.up, gateUp, dim, hidden);
        Require.weight("down", args.down, down, hidden, dim);
        Require.tensor("out", args.out, out, rows, hidden);
        Require.optional("activeRows", args.activeRows, DType.I32, 1);
    }

    @Override
    public Cost cost() {
        return cost(maxRows);
    }

    @Override
    public Cost cost(Args args) {
        return cost(args.x.dim(0));
    }

    private Cost cost(double rows) {
        double weights =
                2.0 * gateUp.bytes(Shape.of(dim, hidden)) + down.bytes(Shape.of(hidden, dim));
        double perRow = (double) x.bytes(hidden) + out.bytes(hidden);
        return new Cost(6.0 * rows * hidden * dim, weights + rows * perRow);
    }

    /// {@return two GEMMs, SwiGLU in the place of the first result, and a third GEMM}
    @Override
    public Optional<Lowering<Args>> lowering() {
        DType sums = x == DType.F64 ? DType.F64 : DType.F32;
        Gemm wide =
                Gemm.linear(maxRows, hidden, dim, x, gateUp, intermediate)
                        .withAccumulate(sums)
                        .withBatchInvariant(batchInvariant);
        SwiGlu activation = SwiGlu.of(maxRows, dim, intermediate).withLimit(limit);
        Gemm narrow =
                Gemm.linear(maxRows, dim, hidden, intermediate, down, out)
                        .withAccumulate(sums)
                        .withBatchInvariant(batchInvariant);
        return Optional.of(
                Lowering.<Args>builder()
                        .scratch("gate", intermediate, maxRows, dim)
                        .scratch("up", intermediate, maxRows, dim)
                        .step(
                                wide,
                                (args, scratch) ->
                                        new Gemm.Args(
                                                args.x,
                                                args.gate,
                                                Scratch.rows(scratch, "gate", args.x.dim(0)),
                                                args.activeRows))
                        .step(
                                wide,
                                (args, scratch) ->
                                        new Gemm.Args(
                                                args.x,
                                                args.up,
                                                Scratch.rows(scratch, "up", args.x.dim(0)),
                                                args.activeRows))
                        .step(
                                activation,
                                (args, scratch) -> {
                                    Tensor gate = Scratch.rows(scratch, "gate", args.x.dim(0));
                                    Tensor up = Scratch.rows(scratch, "up", args.x.dim(0));
                                    return new SwiGlu.Args(gate, up, null, gate, args.activeRows);
                                })
                        .step(
                                narrow,
                                (args, scratch) ->
                                        new Gemm.Args(
                                                Scratch.rows(scratch, "gate", args.x.dim(0)),
                                                args.down,
                                                args.out,
                                                args.activeRows))
                        .build());
    }
}
