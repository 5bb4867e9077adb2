package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.elementwise.SwiGlu;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// Gated activations, stretch by stretch through floats.
final class SwiGluKernel implements Kernel<SwiGlu, SwiGlu.Args, HostWork> {
    private static final String NAME = "swiglu";

    private final CpuContext context;

    SwiGluKernel(CpuContext context) {
        this.context = context;
    }

    @Override
    public Class<SwiGlu> specType() {
        return SwiGlu.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<SwiGlu.Args, HostWork> decide(SwiGlu spec, Limits limits) {
        if (RowTypes.lacksAny(spec.in(), spec.out())) {
            return RowTypes.refuse(spec, spec.in(), spec.out());
        }
        return Decision.planned(
                context.implementation(NAME),
                Numerics.F32_INVARIANT,
                0,
                (args, workspace) -> new Work(context, spec, args));
    }

    private static final class Work extends RowWork.Elementwise {
        private final Rows gate;
        private final Rows up;
        private final Rows out;
        private final @Nullable Rows rowWeight;
        private final float limit;

        Work(CpuContext context, SwiGlu spec, SwiGlu.Args args) {
            super(context, args.gate().dim(0), spec.dim(), args.activeRows());
            gate = Rows.of(args.gate());
            up = Rows.of(args.up());
            out = Rows.of(args.out());
            rowWeight = Rows.flatOrNull(args.rowWeight());
            limit = (float) spec.limit();
        }

        @Override
        void stretch(long row, int column, int n) {
            Scratch scratch = Scratch.get();
            gate.load(loops, row, column, scratch.a, 0, n);
            up.load(loops, row, column, scratch.b, 0, n);
            float factor = rowWeight == null ? 1 : rowWeight.floatAt(0, row);
            loops.siluMultiply(scratch.a, 0, scratch.b, 0, limit, factor, scratch.a, 0, n);
            out.store(loops, scratch.a, 0, n, row, column);
        }
    }
}
