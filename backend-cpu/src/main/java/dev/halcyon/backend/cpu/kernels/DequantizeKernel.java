package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.backend.cpu.loops.RowLoops;
import dev.halcyon.backend.cpu.parallel.WorkerPool;
import dev.halcyon.backend.cpu.product.Elements;
import dev.halcyon.backend.cpu.product.Weights;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.host.FaultSink;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.linear.Dequantize;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.lang.foreign.MemorySegment;
import java.util.List;

/// [Dequantize], a stretch of a row at a time.
final class DequantizeKernel implements Kernel<Dequantize, Dequantize.Args, HostWork> {
    private static final int STRETCH = 2048;
    private static final int ROWS_A_TASK = 8;

    private final CpuContext context;

    DequantizeKernel(CpuContext context) {
        this.context = context;
    }

    @Override
    public Class<Dequantize> specType() {
        return Dequantize.class;
    }

    @Override
    public List<String> implementations() {
        return List.of("dequantize");
    }

    @Override
    public Decision<Dequantize.Args, HostWork> decide(Dequantize spec, Limits limits) {
        if (spec.out() == DType.F64) {
            return Decision.refused(
                    Support.Reason.FORMAT,
                    "out is F64, the product is F32 here",
                    "out of F32, BF16 or F16");
        }
        return Decision.planned(
                context.implementation("dequantize"),
                Numerics.F32_INVARIANT,
                (long) STRETCH * Float.BYTES * context.pool().threads(),
                (args, workspace) ->
                        new Work(
                                context.pool(),
                                context.rows(),
                                (int) args.out().dim(0),
                                spec.columns(),
                                Weights.of(args.x(), 1, context.matrix().panelColumns()),
                                args.out(),
                                args.out().segment(),
                                workspace.segment(),
                                new float[context.pool().threads()][STRETCH]));
    }

    private record Work(
            WorkerPool pool,
            RowLoops loops,
            int rows,
            int columns,
            Weights x,
            Tensor out,
            MemorySegment outSegment,
            MemorySegment scratch,
            float[][] stretches)
            implements HostWork, WorkerPool.Task {
        @Override
        public void run(FaultSink faults) {
            pool.run(Math.ceilDiv(rows, ROWS_A_TASK), this);
        }

        @Override
        public void run(int task, int worker) {
            DType type = out.dtype();
            long scratchAt = (long) worker * STRETCH * Float.BYTES;
            int end = Math.min(rows, (task + 1) * ROWS_A_TASK);
            for (int row = task * ROWS_A_TASK; row < end; row++) {
                for (int from = 0; from < columns; from += STRETCH) {
                    int count = Math.min(STRETCH, columns - from);
                    x.decodeRun(0, row, from, count, scratch, scratchAt, Float.BYTES);
                    long at = (row * out.stride(0) + from) * (type.bits() / 8);
                    float[] stretch = stretches[worker];
                    MemorySegment.copy(scratch, Elements.FLOAT, scratchAt, stretch, 0, count);
                    loops.store(type, stretch, 0, count, outSegment, at);
                }
            }
        }
    }
}
