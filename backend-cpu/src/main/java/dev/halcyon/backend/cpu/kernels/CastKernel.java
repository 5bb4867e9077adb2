package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.elementwise.Cast;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// Conversions between floating-point types, stretch by stretch through floats.
///
/// Narrowing from F64 in two roundings would be wrong now and then, so the first one rounds to odd:
/// whatever lies between two floats becomes the one whose last bit is set, which the second
/// rounding cannot mistake for a tie.
final class CastKernel implements Kernel<Cast, Cast.Args, HostWork> {
    private static final String NAME = "cast";

    private final CpuContext context;

    CastKernel(CpuContext context) {
        this.context = context;
    }

    @Override
    public Class<Cast> specType() {
        return Cast.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<Cast.Args, HostWork> decide(Cast spec, Limits limits) {
        return Decision.planned(
                context.implementation(NAME),
                Numerics.F32_INVARIANT,
                0,
                (args, workspace) -> new Work(context, spec, args));
    }

    private static final class Work extends RowWork.Elementwise {
        private final Rows x;
        private final Rows out;

        Work(CpuContext context, Cast spec, Cast.Args args) {
            super(context, args.x().dim(0), spec.dim(), null);
            x = Rows.of(args.x());
            out = Rows.of(args.out());
        }

        @Override
        void stretch(long row, int column, int n) {
            if (x.dtype() == out.dtype() && x.dtype().bits() > 8) {
                out.copyFrom(x, row, row, column, n);
                return;
            }
            float[] values = Scratch.get().a;
            if (x.dtype() == DType.F64 && out.dtype() != DType.F32) {
                for (int i = 0; i < n; i++) {
                    values[i] = RoundToOdd.toFloat(x.doubleAt(row, column + i));
                }
            } else {
                x.load(loops, row, column, values, 0, n);
            }
            out.store(loops, values, 0, n, row, column);
        }
    }
}
