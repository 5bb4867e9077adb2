package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.attention.AttentionMerge;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import org.jspecify.annotations.Nullable;

import java.util.Arrays;
import java.util.List;

/// Merges partial attention query by query: the weights of the parts in F64, their rows in F32 and
/// in ascending order.
final class AttentionMergeKernel implements Kernel<AttentionMerge, AttentionMerge.Args, HostWork> {
    private static final String NAME = "attention.merge";

    private final CpuContext context;

    AttentionMergeKernel(CpuContext context) {
        this.context = context;
    }

    @Override
    public Class<AttentionMerge> specType() {
        return AttentionMerge.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<AttentionMerge.Args, HostWork> decide(AttentionMerge spec, Limits limits) {
        if (RowTypes.lacksAny(spec.in(), spec.out())) {
            return RowTypes.refuse(spec, spec.in(), spec.out());
        }
        return Decision.planned(
                context.implementation(NAME),
                Numerics.F32_INVARIANT,
                0,
                (args, workspace) -> new Work(context, spec, args));
    }

    private static final class Work extends RowWork {
        private final Rows[] partial;
        private final Rows[] partialLse;
        private final Rows out;
        private final @Nullable Rows sink;
        private final @Nullable Rows logSumExp;
        private final long partialHead;
        private final long outHead;
        private final int heads;
        private final int dim;

        Work(CpuContext context, AttentionMerge spec, AttentionMerge.Args args) {
            super(context, args.out().dim(0), width(spec), args.activeRows());
            partial = parts(args.partial());
            partialLse = parts(args.partialLse());
            out = Rows.of(args.out());
            sink = Rows.flatOrNull(args.sink());
            logSumExp = args.logSumExp() == null ? null : Rows.of(args.logSumExp());
            partialHead = args.partial().stride(2);
            outHead = args.out().stride(1);
            heads = spec.heads();
            dim = spec.dim();
        }

        /// How many elements a query has, for blocks of a sensible size.
        private static int width(AttentionMerge spec) {
            return (int) Math.min((long) spec.heads() * spec.dim(), Integer.MAX_VALUE);
        }

        private static Rows[] parts(Tensor tensor) {
            Rows[] parts = new Rows[(int) tensor.dim(0)];
            for (int part = 0; part < parts.length; part++) {
                parts[part] = Rows.of(tensor.get(part));
            }
            return parts;
        }

        @Override
        void block(long first, long end, int column, int n, int worker) {
            for (long row = first; row < end; row++) {
                for (int head = 0; head < heads; head++) {
                    merge(row, head);
                }
            }
        }

        private void merge(long row, int head) {
            double max = Double.NEGATIVE_INFINITY;
            for (Rows part : partialLse) {
                float lse = part.floatAt(row, head);
                if (lse != Float.POSITIVE_INFINITY) {
                    max = Math.max(max, lse);
                }
            }
            boolean nothing = max == Double.NEGATIVE_INFINITY;
            double total = 0;
            for (Rows part : partialLse) {
                total += weight(part.floatAt(row, head), max);
            }
            double merged = nothing ? Double.POSITIVE_INFINITY : max + Math.log(total);
            if (logSumExp != null) {
                logSumExp.setFloat(row, head, (float) merged);
            }
            double logit = sink == null ? Double.NEGATIVE_INFINITY : sink.floatAt(0, head);
            double kept = nothing ? 0 : 1 / (1 + Math.exp(logit - merged)) / total;
            Scratch scratch = Scratch.get();
            for (int column = 0; column < dim; column += Scratch.LENGTH) {
                int n = Math.min(Scratch.LENGTH, dim - column);
                Arrays.fill(scratch.a, 0, n, 0);
                for (int part = 0; part < partial.length; part++) {
                    double weight = weight(partialLse[part].floatAt(row, head), max);
                    // What a part without keys holds is not looked at, so it may be anything, NaN
                    // included.
                    if (!nothing && weight != 0) {
                        partial[part].load(
                                loops, row, head * partialHead + column, scratch.b, 0, n);
                        loops.axpy((float) (weight * kept), scratch.b, 0, scratch.a, 0, n);
                    }
                }
                out.store(loops, scratch.a, 0, n, row, head * outHead + column);
            }
        }

        private static double weight(float lse, double max) {
            return Float.isInfinite(lse) ? 0 : Math.exp(lse - max);
        }
    }
}
