package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.norm.AddRmsNorm;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// The residual addition and the norm after it: the sum is written and squared in one pass.
///
/// The squares are those of the sum as it was rounded, so that the result is the same bits as that
/// of the two kernels.
final class AddRmsNormKernel implements Kernel<AddRmsNorm, AddRmsNorm.Args, HostWork> {
    private static final String NAME = "add-rms-norm";

    private final CpuContext context;

    AddRmsNormKernel(CpuContext context) {
        this.context = context;
    }

    @Override
    public Class<AddRmsNorm> specType() {
        return AddRmsNorm.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<AddRmsNorm.Args, HostWork> decide(AddRmsNorm spec, Limits limits) {
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
        private final Rows residual;
        private final @Nullable Rows weight;
        private final Rows sum;
        private final Rows out;
        private final RmsScale scale;

        Work(CpuContext context, AddRmsNorm spec, AddRmsNorm.Args args) {
            super(context, args.x().dim(0), spec.dim(), args.activeRows());
            x = Rows.of(args.x());
            residual = Rows.of(args.residual());
            weight = Rows.flatOrNull(args.weight());
            sum = Rows.of(args.sum());
            out = Rows.of(args.out());
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
                    residual.load(loops, row, from, scratch.b, 0, length);
                    loops.axpby(1, scratch.a, 0, 1, scratch.b, 0, scratch.a, 0, length);
                    sum.store(loops, scratch.a, 0, length, row, from);
                    sum.load(loops, row, from, scratch.a, 0, length);
                    squares += loops.sumOfSquares(scratch.a, 0, length);
                }
                scratch.d[(int) (row - first)] = scale.inverse(squares);
            }
            scale.apply(loops, sum, weight, out, first, end, n);
        }
    }
}
