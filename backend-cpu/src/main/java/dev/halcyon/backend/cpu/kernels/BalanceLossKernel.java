package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.backend.cpu.parallel.WorkerPool;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.host.FaultSink;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.moe.BalanceLoss;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;

/// The balance loss, a sequence by one thread in F64, then the mean in the order of the sequences.
final class BalanceLossKernel implements Kernel<BalanceLoss, BalanceLoss.Args, HostWork> {
    private static final String NAME = "balance-loss";

    private final CpuContext context;

    BalanceLossKernel(CpuContext context) {
        this.context = context;
    }

    @Override
    public Class<BalanceLoss> specType() {
        return BalanceLoss.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<BalanceLoss.Args, HostWork> decide(BalanceLoss spec, Limits limits) {
        return Decision.planned(
                context.implementation(NAME),
                Numerics.F32_INVARIANT,
                (long) Double.BYTES * spec.maxSequences(),
                (args, workspace) -> new Work(context, spec, args, workspace));
    }

    private static final class Work implements HostWork, WorkerPool.Task {
        private static final ValueLayout.OfDouble DOUBLE = ValueLayout.JAVA_DOUBLE_UNALIGNED;

        private final WorkerPool pool;
        private final BalanceLoss spec;
        private final long tokens;
        private final int sequences;
        private final Rows scores;
        private final Rows indices;
        private final Rows sequenceStart;
        private final Rows loss;
        private final MemorySegment losses;
        private final long lossesOffset;
        private final double[][] shares;
        private final int[][] counts;
        private @Nullable FaultSink faults;

        Work(CpuContext context, BalanceLoss spec, BalanceLoss.Args args, Tensor workspace) {
            this.pool = context.pool();
            this.spec = spec;
            tokens = args.scores().dim(0);
            sequences = (int) args.sequenceStart().dim(0) - 1;
            scores = Rows.of(args.scores());
            indices = Rows.of(args.indices());
            sequenceStart = Rows.flat(args.sequenceStart());
            loss = Rows.flat(args.loss());
            losses = workspace.buffer().segment();
            lossesOffset = workspace.byteOffset();
            shares = new double[pool.threads()][spec.experts()];
            counts = new int[pool.threads()][spec.experts()];
        }

        @Override
        public void run(FaultSink sink) {
            faults = sink;
            pool.run(sequences, this);
            double sum = 0;
            int counted = 0;
            for (int sequence = 0; sequence < sequences; sequence++) {
                if (isCounted(sequence)) {
                    sum += losses.get(DOUBLE, lossesOffset + 8L * sequence);
                    counted++;
                }
            }
            loss.setFloat(0, 0, counted == 0 ? 0 : (float) (sum / counted));
        }

        private boolean isCounted(int sequence) {
            int first = sequenceStart.intAt(0, sequence);
            int end = sequenceStart.intAt(0, sequence + 1L);
            return first >= 0 && first < end && end <= tokens;
        }

        @Override
        public void run(int sequence, int worker) {
            int first = sequenceStart.intAt(0, sequence);
            int end = sequenceStart.intAt(0, sequence + 1L);
            if (isCounted(sequence)) {
                losses.set(
                        DOUBLE,
                        lossesOffset + 8L * sequence,
                        loss(first, end, shares[worker], counts[worker]));
            } else if (first < 0 || first > tokens) {
                report("sequenceStart", sequence, first, tokens + 1);
            } else if (end < first || end > tokens) {
                report("sequenceStart", sequence + 1L, end, tokens + 1);
            }
        }

        private double loss(int first, int end, double[] share, int[] count) {
            Arrays.fill(share, 0);
            Arrays.fill(count, 0);
            for (long token = first; token < end; token++) {
                double sum = 0;
                for (int e = 0; e < share.length; e++) {
                    sum += scores.floatAt(token, e);
                }
                for (int e = 0; e < share.length; e++) {
                    share[e] += scores.floatAt(token, e) / sum;
                }
                for (int k = 0; k < spec.topK(); k++) {
                    int expert = indices.intAt(token, k);
                    if (expert >= 0 && expert < count.length) {
                        count[expert]++;
                    } else if (expert != -1) {
                        report("indices", token * spec.topK() + k, expert, count.length);
                    }
                }
            }
            double length = (double) end - first;
            double sum = 0;
            for (int e = 0; e < share.length; e++) {
                sum += count[e] * share[e];
            }
            return spec.alpha() * share.length / (spec.topK() * length) * sum / length;
        }

        private void report(String operand, long position, long index, long bound) {
            FaultSink sink = faults;
            if (sink != null) {
                sink.report(operand, position, index, bound);
            }
        }
    }
}
