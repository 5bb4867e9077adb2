package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.elementwise.Axpby;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// Weighted sums of matrices, stretch by stretch through floats.
final class AxpbyKernel implements Kernel<Axpby, Axpby.Args, HostWork> {
    private static final String NAME = "axpby";

    private final CpuContext context;

    AxpbyKernel(CpuContext context) {
        this.context = context;
    }

    @Override
    public Class<Axpby> specType() {
        return Axpby.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<Axpby.Args, HostWork> decide(Axpby spec, Limits limits) {
        if (RowTypes.lacksAny(spec.x(), spec.y(), spec.out())) {
            return RowTypes.refuse(spec, spec.x(), spec.y(), spec.out());
        }
        return Decision.planned(
                context.implementation(NAME),
                Numerics.F32_INVARIANT,
                0,
                (args, workspace) -> new Work(context, spec, args));
    }

    private static final class Work extends RowWork.Elementwise {
        private final Rows x;
        private final Rows y;
        private final Rows out;
        private final @Nullable Rows scalars;
        private float alpha;
        private float beta;

        Work(CpuContext context, Axpby spec, Axpby.Args args) {
            super(context, args.x().dim(0), spec.dim(), args.activeRows());
            x = Rows.of(args.x());
            y = Rows.of(args.y());
            out = Rows.of(args.out());
            scalars = Rows.flatOrNull(args.scalars());
            alpha = (float) spec.alpha();
            beta = (float) spec.beta();
        }

        @Override
        void prepare() {
            if (scalars != null) {
                alpha = scalars.floatAt(0, 0);
                beta = scalars.floatAt(0, 1);
            }
        }

        @Override
        void stretch(long row, int column, int n) {
            Scratch scratch = Scratch.get();
            x.load(loops, row, column, scratch.a, 0, n);
            y.load(loops, row, column, scratch.b, 0, n);
            loops.axpby(alpha, scratch.a, 0, beta, scratch.b, 0, scratch.a, 0, n);
            out.store(loops, scratch.a, 0, n, row, column);
        }
    }
}
