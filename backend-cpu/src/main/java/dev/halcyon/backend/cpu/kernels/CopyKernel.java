package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.elementwise.Copy;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// Copies of matrices between row strides, as bytes.
final class CopyKernel implements Kernel<Copy, Copy.Args, HostWork> {
    private static final String NAME = "copy";

    private final CpuContext context;

    CopyKernel(CpuContext context) {
        this.context = context;
    }

    @Override
    public Class<Copy> specType() {
        return Copy.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<Copy.Args, HostWork> decide(Copy spec, Limits limits) {
        return Decision.planned(
                context.implementation(NAME),
                Numerics.F32_INVARIANT,
                0,
                (args, workspace) -> new Work(context, spec, args));
    }

    private static final class Work extends RowWork.Elementwise {
        private final Rows x;
        private final Rows out;

        Work(CpuContext context, Copy spec, Copy.Args args) {
            super(context, args.x().dim(0), spec.dim(), null);
            x = Rows.of(args.x());
            out = Rows.of(args.out());
        }

        @Override
        void stretch(long row, int column, int n) {
            out.copyFrom(x, row, row, column, n);
        }
    }
}
