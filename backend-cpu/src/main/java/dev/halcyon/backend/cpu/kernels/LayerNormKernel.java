package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.norm.LayerNorm;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// Norms by mean and variance, three passes over a row: mean, distances from it, result.
///
/// A mean rounded to F32 is off by more than a small variance allows, so the second pass also finds
/// what the first one missed, and both are subtracted.
final class LayerNormKernel implements Kernel<LayerNorm, LayerNorm.Args, HostWork> {
    private static final String NAME = "layer-norm";

    private final CpuContext context;

    LayerNormKernel(CpuContext context) {
        this.context = context;
    }

    @Override
    public Class<LayerNorm> specType() {
        return LayerNorm.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<LayerNorm.Args, HostWork> decide(LayerNorm spec, Limits limits) {
        if (RowTypes.lacksAny(spec.in(), spec.weight(), spec.out())) {
            return RowTypes.refuse(spec, spec.in(), spec.weight(), spec.out());
        }
        return Decision.planned(
                context.implementation(NAME),
                Numerics.F32_INVARIANT,
                0,
                (args, workspace) -> new Work(context, spec, args));
    }

    private static final class Work extends RowWork {
        private final Rows x;
        private final Rows weight;
        private final Rows bias;
        private final Rows out;
        private final double epsilon;

        Work(CpuContext context, LayerNorm spec, LayerNorm.Args args) {
            super(context, args.x().dim(0), spec.dim(), args.activeRows());
            x = Rows.of(args.x());
            weight = Rows.flat(args.weight());
            bias = Rows.flat(args.bias());
            out = Rows.of(args.out());
            epsilon = spec.epsilon();
        }

        @Override
        void block(long first, long end, int column, int n, int worker) {
            for (long row = first; row < end; row++) {
                row(row, n);
            }
        }

        private void row(long row, int n) {
            Scratch scratch = Scratch.get();
            double sum = 0;
            for (int from = 0; from < n; from += Scratch.LENGTH) {
                int length = Math.min(Scratch.LENGTH, n - from);
                x.load(loops, row, from, scratch.a, 0, length);
                sum += loops.sum(scratch.a, 0, length);
            }
            float shift = (float) (sum / n);
            double distances = 0;
            double squares = 0;
            for (int from = 0; from < n; from += Scratch.LENGTH) {
                int length = Math.min(Scratch.LENGTH, n - from);
                x.load(loops, row, from, scratch.a, 0, length);
                loops.subtract(shift, scratch.a, 0, length);
                distances += loops.sum(scratch.a, 0, length);
                squares += loops.sumOfSquares(scratch.a, 0, length);
            }
            double rest = distances / n;
            float inverse =
                    (float) (1 / Math.sqrt(Math.max(0, squares / n - rest * rest) + epsilon));
            for (int from = 0; from < n; from += Scratch.LENGTH) {
                int length = Math.min(Scratch.LENGTH, n - from);
                x.load(loops, row, from, scratch.a, 0, length);
                weight.load(loops, 0, from, scratch.b, 0, length);
                bias.load(loops, 0, from, scratch.c, 0, length);
                loops.subtract(shift, scratch.a, 0, length);
                loops.shiftScaleAndMultiply(
                        scratch.a,
                        0,
                        (float) rest,
                        inverse,
                        scratch.b,
                        0,
                        scratch.c,
                        0,
                        scratch.a,
                        0,
                        length);
                out.store(loops, scratch.a, 0, length, row, from);
            }
        }
    }
}
