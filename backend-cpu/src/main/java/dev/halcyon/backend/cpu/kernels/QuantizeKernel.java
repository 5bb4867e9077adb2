package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.backend.cpu.loops.MatrixLoops;
import dev.halcyon.backend.cpu.parallel.WorkerPool;
import dev.halcyon.backend.cpu.product.Elements;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.host.FaultSink;
import dev.halcyon.hal.host.FloatFormats;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.linear.Quantize;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.QuantizationScheme.ScaleRule;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.lang.foreign.MemorySegment;
import java.util.List;

/// [Quantize]: for each block one pass for the largest magnitude and one that rounds.
final class QuantizeKernel implements Kernel<Quantize, Quantize.Args, HostWork> {
    private static final int STRETCH = 1024;
    private static final int COLUMNS_A_TASK = 4096;

    private final CpuContext context;

    QuantizeKernel(CpuContext context) {
        this.context = context;
    }

    @Override
    public Class<Quantize> specType() {
        return Quantize.class;
    }

    @Override
    public List<String> implementations() {
        return List.of("quantize");
    }

    @Override
    public Decision<Quantize.Args, HostWork> decide(Quantize spec, Limits limits) {
        if (spec.in() == DType.F64) {
            return Decision.refused(
                    Support.Reason.FORMAT,
                    "in is F64, quotients are F32 here",
                    "in of F32, BF16 or F16");
        }
        return Decision.planned(
                context.implementation("quantize"),
                Numerics.F32_INVARIANT,
                (long) STRETCH * Float.BYTES * context.pool().threads(),
                (args, workspace) -> new Work(context, spec, args, workspace.segment()));
    }

    /// A task is a row of blocks, or a part of one that ends between two blocks and between two
    /// bytes.
    private static final class Work implements HostWork, WorkerPool.Task {
        private final WorkerPool pool;
        private final MatrixLoops loops;
        private final QuantizationScheme scheme;
        private final int rows;
        private final int columns;
        private final Tensor x;
        private final MemorySegment from;
        private final MemorySegment values;
        private final MemorySegment scales;
        private final MemorySegment scratch;
        private final int taskColumns;
        private final int tasksARow;
        private final int scaleColumns;
        private final float largest;
        private final float floor;

        Work(CpuContext context, Quantize spec, Quantize.Args args, MemorySegment scratch) {
            this.pool = context.pool();
            this.loops = context.matrix();
            this.scheme = spec.scheme();
            this.rows = (int) args.x().dim(0);
            this.columns = spec.columns();
            this.x = args.x();
            this.from = args.x().segment();
            this.values = args.out().values().segment();
            this.scales = args.out().scales().segment();
            this.scratch = scratch;
            int width = scheme.blockColumns();
            if (width >= columns) {
                this.taskColumns = columns;
            } else {
                int whole = width * Math.ceilDiv(Math.min(COLUMNS_A_TASK, columns), width);
                this.taskColumns = whole + (whole & 1) * width;
            }
            this.tasksARow = Math.ceilDiv(columns, taskColumns);
            this.scaleColumns = Math.ceilDiv(columns, width);
            this.largest = (float) Quantize.largest(scheme.values());
            this.floor = (float) Quantize.floor(scheme.values());
        }

        @Override
        public void run(FaultSink faults) {
            pool.run(Math.ceilDiv(rows, scheme.blockRows()) * tasksARow, this);
        }

        @Override
        public void run(int task, int worker) {
            int blockRow = task / tasksARow;
            int firstRow = blockRow * scheme.blockRows();
            int endRow = (int) Math.min(rows, (long) firstRow + scheme.blockRows());
            int firstColumn = task % tasksARow * taskColumns;
            int endColumn = (int) Math.min(columns, (long) firstColumn + taskColumns);
            long scratchAt = (long) worker * STRETCH * Float.BYTES;
            for (int column = firstColumn; column < endColumn; column += scheme.blockColumns()) {
                int end = (int) Math.min(endColumn, (long) column + scheme.blockColumns());
                float scale =
                        storeScale(
                                (long) blockRow * scaleColumns + column / scheme.blockColumns(),
                                largestMagnitude(firstRow, endRow, column, end, scratchAt));
                for (int row = firstRow; row < endRow; row++) {
                    for (int at = column; at < end; at += STRETCH) {
                        int count = Math.min(STRETCH, end - at);
                        load(row, at, count, scratchAt);
                        round(row, at, count, scale, scratchAt);
                    }
                }
                if (end == endColumn) {
                    break;
                }
            }
        }

        private void load(int row, int column, int count, long scratchAt) {
            long at = (row * x.stride(0) + column) * (x.dtype().bits() / 8);
            loops.widen(x.dtype(), from, at, count, scratch, scratchAt);
        }

        private float largestMagnitude(
                int firstRow, int endRow, int column, int end, long scratchAt) {
            float amax = 0;
            for (int row = firstRow; row < endRow; row++) {
                for (int at = column; at < end; at += STRETCH) {
                    int count = Math.min(STRETCH, end - at);
                    load(row, at, count, scratchAt);
                    for (int i = 0; i < count; i++) {
                        amax =
                                Math.max(
                                        amax,
                                        Math.abs(scratch.get(Elements.FLOAT, scratchAt + i * 4L)));
                    }
                }
            }
            return amax;
        }

        /// {@return the scale as stored}
        private float storeScale(long index, float amax) {
            float scale = Math.max(amax, floor) / largest;
            if (scheme.rule() == ScaleRule.POWER_OF_TWO) {
                scale = ceilingPowerOfTwo(scale);
            }
            DType type = scheme.scales();
            if (type == DType.F8_E8M0) {
                byte code = FloatFormats.floatToE8m0(scale);
                scales.set(Elements.BYTE, index, code);
                return FloatFormats.e8m0ToFloat(code);
            }
            long at = index * (type.bits() / 8);
            Elements.set(type, scales, at, scale);
            return Elements.get(type, scales, at);
        }

        private static float ceilingPowerOfTwo(float value) {
            float power = Math.scalb(1f, Math.getExponent(value));
            return power < value ? 2 * power : power;
        }

        private void round(int row, int column, int count, float scale, long scratchAt) {
            DType type = scheme.values();
            long first = (long) row * columns + column;
            for (int i = 0; i < count; i++) {
                float quotient = scratch.get(Elements.FLOAT, scratchAt + i * 4L) / scale;
                switch (type) {
                    case F8_E4M3 ->
                            values.set(
                                    Elements.BYTE, first + i, FloatFormats.floatToE4m3(quotient));
                    case F8_E5M2 ->
                            values.set(
                                    Elements.BYTE, first + i, FloatFormats.floatToE5m2(quotient));
                    case F4_E2M1 -> setNibble(first + i, FloatFormats.floatToE2m1(quotient));
                    default ->
                            setNibble(first + i, Math.clamp((int) Math.rint(quotient), -8, 7) + 8);
                }
            }
        }

        /// Columns come in ascending order, so the lower nibble of a byte is written first.
        private void setNibble(long index, int nibble) {
            long at = index >> 1;
            if ((index & 1) == 0) {
                values.set(Elements.BYTE, at, (byte) nibble);
            } else {
                values.set(
                        Elements.BYTE,
                        at,
                        (byte) (values.get(Elements.BYTE, at) & 0xf | nibble << 4));
            }
        }
    }
}
