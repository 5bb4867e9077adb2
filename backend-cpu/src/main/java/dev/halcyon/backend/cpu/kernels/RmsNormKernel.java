package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.norm.RmsNorm;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// Root-mean-square norms: one pass over a block of rows for the squares, one that scales, weight
/// stretch by weight stretch.
final class RmsNormKernel implements Kernel<RmsNorm, RmsNorm.Args, HostWork> {
    private static final String NAME = "rms-norm";

    private final CpuContext context;

    RmsNormKernel(CpuContext context) {
        this.context = context;
    }

    @Override
    public Class<RmsNorm> specType() {
        return RmsNorm.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<RmsNorm.Args, HostWork> decide(RmsNorm spec, Limits limits) {
        DType weight = spec.weighted() ? spec.weight() : DType.F32;
        if (RowTypes.lacksAny(spec.in(), weight, spec.out())) {
            return RowTypes.refuse(spec, spec.in(), weight, spec.out());
        }
        return Decision.planned(
                context.implementation(NAME),
                Numerics.F32_INVARIANT,
                0,
                (args, workspace) -> new Work(context, spec, args));
    }

    private static final class Work extends RowWork {
        private final Rows x;
        private final @Nullable Rows weight;
        private final Rows out;
        private final @Nullable Rows inverseRms;
        private final RmsScale scale;

        Work(CpuContext context, RmsNorm spec, RmsNorm.Args args) {
            super(context, args.x().dim(0), spec.dim(), args.activeRows());
            x = Rows.of(args.x());
            weight = Rows.flatOrNull(args.weight());
            out = Rows.of(args.out());
            inverseRms = Rows.flatOrNull(args.inverseRms());
            scale = new RmsScale(spec.dim(), spec.epsilon());
        }

        @Override
        void block(long first, long end, int column, int n, int worker) {
            Scratch scratch = Scratch.get();
            for (long row = first; row < end; row++) {
                double squares = 0;
                for (int from = 0; from < n; from += Scratch.LENGTH) {
                    int length = Math.min(Scratch.LENGTH, n - from);
                    x.load(loops, row, from, scratch.a, 0, length);
                    squares += loops.sumOfSquares(scratch.a, 0, length);
                }
                float inverse = scale.inverse(squares);
                scratch.d[(int) (row - first)] = inverse;
                if (inverseRms != null) {
                    inverseRms.setFloat(0, row, inverse);
                }
            }
            scale.apply(loops, x, weight, out, first, end, n);
        }
    }
}
