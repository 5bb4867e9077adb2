package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.host.HostElements;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.elementwise.Fill;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/// Constant matrices, written as a repeated pattern of bytes.
final class FillKernel implements Kernel<Fill, Fill.Args, HostWork> {
    private static final String NAME = "fill";

    private final CpuContext context;

    FillKernel(CpuContext context) {
        this.context = context;
    }

    @Override
    public Class<Fill> specType() {
        return Fill.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<Fill.Args, HostWork> decide(Fill spec, Limits limits) {
        return Decision.planned(
                context.implementation(NAME),
                Numerics.F32_INVARIANT,
                0,
                (args, workspace) -> new Work(context, spec, args));
    }

    private static final class Work extends RowWork.Elementwise {
        private static final int PATTERN_BYTES = 4096;

        private final Rows out;
        private final byte[] pattern = new byte[PATTERN_BYTES];

        Work(CpuContext context, Fill spec, Fill.Args args) {
            super(context, args.out().dim(0), spec.dim(), null);
            out = Rows.of(args.out());
            double value = spec.value();
            if (spec.dtype() != DType.F64
                    && spec.dtype() != DType.F32
                    && spec.dtype().isFloatingPoint()) {
                value = RoundToOdd.toFloat(value);
            }
            // Not on the heap: the first heap segment of a JVM throws away all code that was
            // compiled
            // when native ones were the only kind, and big kernels are not always compiled as well
            // again.
            try (Arena arena = Arena.ofConfined()) {
                // Eight bytes hold a whole number of elements of any type, the packed ones
                // included.
                MemorySegment first = arena.allocate(Long.BYTES, Long.BYTES);
                for (int i = 0; i < 64 / spec.dtype().bits(); i++) {
                    HostElements.set(first, spec.dtype(), i, value);
                }
                for (int i = 0; i < PATTERN_BYTES; i++) {
                    pattern[i] = first.get(ValueLayout.JAVA_BYTE, i % 8);
                }
            }
        }

        @Override
        void stretch(long row, int column, int n) {
            out.fill(pattern, row, column, n);
        }
    }
}
