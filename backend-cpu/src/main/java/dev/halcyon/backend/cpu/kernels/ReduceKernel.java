package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.backend.cpu.loops.RowLoops;
import dev.halcyon.backend.cpu.parallel.WorkerPool;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.host.FaultSink;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.elementwise.Reduce;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/// One number from many, by blocks: the elements of all tensors in a row are cut into blocks of one
/// size, a block into stretches, and each level is added up in order. So the order depends on the
/// number of elements alone.
final class ReduceKernel implements Kernel<Reduce, Reduce.Args, HostWork> {
    private static final String NAME = "reduce.blocks";
    private static final int BLOCK_ELEMENTS = 16 * Scratch.LENGTH;

    private final CpuContext context;

    ReduceKernel(CpuContext context) {
        this.context = context;
    }

    @Override
    public Class<Reduce> specType() {
        return Reduce.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<Reduce.Args, HostWork> decide(Reduce spec, Limits limits) {
        if (RowTypes.lacksAny(spec.in())) {
            return RowTypes.refuse(spec, spec.in());
        }
        return Decision.planned(
                context.implementation(NAME),
                Numerics.F32_INVARIANT,
                (long) Double.BYTES * Math.ceilDiv(spec.maxElements(), BLOCK_ELEMENTS),
                (args, workspace) -> new Work(context, spec, args, workspace));
    }

    private static final class Work implements HostWork, WorkerPool.Task {
        private static final ValueLayout.OfDouble DOUBLE = ValueLayout.JAVA_DOUBLE_UNALIGNED;

        private final RowLoops loops;
        private final WorkerPool pool;
        private final Reduce.Operation operation;
        private final Rows[] pieces;
        private final long pieceElements;
        private final long elements;
        private final Rows out;
        private final MemorySegment partial;
        private final long partialOffset;

        Work(CpuContext context, Reduce spec, Reduce.Args args, Tensor workspace) {
            loops = context.rows();
            pool = context.pool();
            operation = spec.operation();
            pieces = Rows.pieces(args.x());
            elements = args.x().shape().elements();
            pieceElements = elements / pieces.length;
            out = Rows.flat(args.out());
            partial = workspace.buffer().segment();
            partialOffset = workspace.byteOffset();
        }

        @Override
        public void run(FaultSink faults) {
            int blocks = (int) Math.ceilDiv(elements, BLOCK_ELEMENTS);
            pool.run(blocks, this);
            double total = identity();
            for (int block = 0; block < blocks; block++) {
                total = combine(total, partial.get(DOUBLE, partialOffset + 8L * block));
            }
            out.setFloat(
                    0, 0, (float) (operation == Reduce.Operation.NORM ? Math.sqrt(total) : total));
        }

        @Override
        public void run(int block, int worker) {
            float[] values = Scratch.get().a;
            long first = (long) block * BLOCK_ELEMENTS;
            long end = Math.min(elements, first + BLOCK_ELEMENTS);
            double result = identity();
            for (long from = first; from < end; from += Scratch.LENGTH) {
                int n = (int) Math.min(Scratch.LENGTH, end - from);
                gather(from, n, values);
                result =
                        combine(
                                result,
                                switch (operation) {
                                    case SUM -> loops.sum(values, 0, n);
                                    case MAX -> loops.max(values, 0, n);
                                    case NORM -> loops.sumOfSquares(values, 0, n);
                                });
            }
            partial.set(DOUBLE, partialOffset + 8L * block, result);
        }

        /// Loads a stretch of the pieces laid end to end.
        private void gather(long from, int n, float[] values) {
            int done = 0;
            while (done < n) {
                int piece = (int) ((from + done) / pieceElements);
                long at = (from + done) % pieceElements;
                int length = (int) Math.min(n - done, pieceElements - at);
                pieces[piece].load(loops, 0, at, values, done, length);
                done += length;
            }
        }

        private double identity() {
            return operation == Reduce.Operation.MAX ? Double.NEGATIVE_INFINITY : 0;
        }

        private double combine(double a, double b) {
            return operation == Reduce.Operation.MAX ? Math.max(a, b) : a + b;
        }
    }
}
