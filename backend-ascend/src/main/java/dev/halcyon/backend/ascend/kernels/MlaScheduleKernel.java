package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.acl.Operator;
import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.backend.ascend.operators.Scalar;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.attention.MlaSchedule;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// [MlaSchedule] by a division in F64, whose quotients of 32-bit numbers never round up to the next
/// integer, and a running sum.
record MlaScheduleKernel(Platform platform)
        implements Kernel<MlaSchedule, MlaSchedule.Args, AscendWork> {
    private static final String NAME = "mla-schedule";

    private record Views(View lengths, View splitStart) {}

    @Override
    public Class<MlaSchedule> specType() {
        return MlaSchedule.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<MlaSchedule.Args, AscendWork> decide(MlaSchedule spec, Limits limits) {
        return Composed.decide(
                platform,
                NAME,
                Composed.rows(DType.F32),
                new Views(
                        View.unbound(DType.I32, spec.maxSequences()),
                        View.unbound(DType.I32, spec.maxSequences() + 1L)),
                args -> new Views(View.of(args.lengths()), View.of(args.splitStart())),
                (c, views) -> compose(c, spec, views));
    }

    private static void compose(Composition c, MlaSchedule spec, Views views) {
        long sequences = views.lengths().dim(0);
        View start = c.scratch(AclDataType.INT32, sequences + 1);
        c.fill(start, 0);
        if (sequences > 0) {
            View length = c.scratch(AclDataType.INT32, sequences);
            c.checkIndices(views.lengths(), 1L << 31, Long.MIN_VALUE, 0, length);
            View rows = c.scratch(AclDataType.DOUBLE, sequences);
            c.convert(length, rows);
            c.addTo(rows, spec.splitRows() - 1.0);
            View quotient = c.scratch(AclDataType.DOUBLE, sequences);
            c.call(Operator.DIVS, rows, new Scalar(AclDataType.DOUBLE, spec.splitRows()), quotient);
            View splits = c.scratch(AclDataType.INT32, sequences);
            c.convert(quotient, splits);
            View running = c.scratch(AclDataType.INT32, sequences);
            c.call(Operator.CUMSUM, splits, 0, AclDataType.INT32.value(), running);
            c.copy(running, start.slice(0, 1, sequences + 1));
        }
        c.copy(start, views.splitStart());
    }
}
