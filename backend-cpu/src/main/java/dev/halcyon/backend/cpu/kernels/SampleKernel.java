package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.token.Sample;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Objects;

/// The next token of every row, a row by one thread: the largest logit, and where a row is drawn,
/// the probabilities, the candidates that top-k and top-p leave, and the draw.
final class SampleKernel implements Kernel<Sample, Sample.Args, HostWork> {
    private static final String GREEDY = "sample.greedy";
    private static final String RANDOM = "sample.random";
    private static final long ALIGNMENT = 64;

    private final CpuContext context;

    SampleKernel(CpuContext context) {
        this.context = context;
    }

    @Override
    public Class<Sample> specType() {
        return Sample.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(GREEDY, RANDOM);
    }

    @Override
    public Decision<Sample.Args, HostWork> decide(Sample spec, Limits limits) {
        if (RowTypes.lacksAny(spec.logits())) {
            return RowTypes.refuse(spec, spec.logits());
        }
        return Decision.planned(
                context.implementation(spec.random() ? RANDOM : GREEDY),
                Numerics.F32_INVARIANT,
                spec.random() ? areaBytes(spec.vocab()) * context.pool().threads() : 0,
                (args, workspace) -> new Work(context, spec, args, workspace));
    }

    /// A thread's part of the workspace: probabilities (F32), candidates (eight bytes) and one byte
    /// a kept candidate.
    private static long areaBytes(long vocab) {
        return Math.ceilDiv(13 * vocab, ALIGNMENT) * ALIGNMENT;
    }

    private static final class Work extends RowWork {
        private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
        private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;

        private final Rows logits;
        private final @Nullable Rows temperature;
        private final @Nullable Rows topP;
        private final @Nullable Rows topK;
        private final @Nullable Rows seed;
        private final @Nullable Rows position;
        private final Rows ids;
        private final int vocab;
        private final boolean random;
        private final MemorySegment memory;
        private final long memoryOffset;
        private final CandidateHeap[] heaps;

        Work(CpuContext context, Sample spec, Sample.Args args, Tensor workspace) {
            super(context, args.logits().dim(0), spec.vocab(), args.activeRows());
            logits = Rows.of(args.logits());
            temperature = Rows.flatOrNull(args.temperature());
            topP = Rows.flatOrNull(args.topP());
            topK = Rows.flatOrNull(args.topK());
            seed = Rows.flatOrNull(args.seed());
            position = Rows.flatOrNull(args.position());
            ids = Rows.flat(args.ids());
            vocab = spec.vocab();
            random = spec.random();
            memory = workspace.buffer().segment();
            memoryOffset = workspace.byteOffset();
            heaps = new CandidateHeap[random ? context.pool().threads() : 0];
            for (int worker = 0; worker < heaps.length; worker++) {
                heaps[worker] = new CandidateHeap(memory, probabilities(worker) + 4L * vocab);
            }
        }

        private long probabilities(int worker) {
            return memoryOffset + worker * areaBytes(vocab);
        }

        private long marks(int worker) {
            return probabilities(worker) + 12L * vocab;
        }

        @Override
        void block(long first, long end, int column, int n, int worker) {
            for (long row = first; row < end; row++) {
                ids.setInt(0, row, choose(row, worker));
            }
        }

        private int choose(long row, int worker) {
            int best = -1;
            float largest = Float.NEGATIVE_INFINITY;
            float[] values = Scratch.get().a;
            for (int from = 0; from < vocab; from += Scratch.LENGTH) {
                int n = Math.min(Scratch.LENGTH, vocab - from);
                logits.load(loops, row, from, values, 0, n);
                float max = loops.maxNumber(values, 0, n);
                if (max > largest || best < 0) {
                    // A stretch of NaN has the maximum minus infinity, which is then not found in
                    // it.
                    int at = loops.indexOf(max, values, 0, n);
                    best = at < 0 ? best : from + at;
                    largest = max;
                }
            }
            if (best < 0) {
                fault("logits", row, vocab, vocab);
                return 0;
            }
            float heat = temperature == null ? 1 : temperature.floatAt(0, row);
            boolean isInfinite = Math.abs(largest) == Float.POSITIVE_INFINITY;
            return !random || !(heat > 0) || isInfinite ? best : draw(row, largest, heat, worker);
        }

        private int draw(long row, float largest, float heat, int worker) {
            double total =
                    exponentials(
                            row,
                            largest,
                            Math.clamp(1 / heat, Float.MIN_VALUE, Float.MAX_VALUE),
                            worker);
            double uniform =
                    Sample.uniform(
                            Objects.requireNonNull(seed).longAt(0, row),
                            Objects.requireNonNull(position).intAt(0, row));
            int most = topK == null ? 0 : topK.intAt(0, row);
            float mass = topP == null ? 1 : topP.floatAt(0, row);
            if ((most <= 0 || most >= vocab) && !(mass < 1)) {
                return invert(uniform * total, worker, false);
            }
            int kept = keepBest(row, most <= 0 ? vocab : most, mass, total, worker);
            return invert(uniform * mark(kept, worker), worker, true);
        }

        /// Writes every candidate's probability, not yet divided by their sum, which is returned.
        private double exponentials(long row, float largest, float factor, int worker) {
            Scratch scratch = Scratch.get();
            double total = 0;
            for (int from = 0; from < vocab; from += Scratch.LENGTH) {
                int n = Math.min(Scratch.LENGTH, vocab - from);
                logits.load(loops, row, from, scratch.a, 0, n);
                loops.exp(scratch.a, 0, largest, factor, scratch.b, 0, n);
                for (int i = 0; i < n; i++) {
                    float probability = Float.isNaN(scratch.a[i]) ? 0 : scratch.b[i];
                    memory.set(FLOAT, probabilities(worker) + 4L * (from + i), probability);
                    total += probability;
                }
            }
            return total;
        }

        /// {@return how many candidates top-k and top-p leave; they are the first that the heap has
        /// given out}
        ///
        /// @param total the sum of all probabilities
        private int keepBest(long row, int most, float mass, double total, int worker) {
            CandidateHeap heap = heaps[worker];
            fill(heap, row);
            int count = Math.min(most, heap.size());
            double sum = total;
            int taken = 0;
            if (count < heap.size()) {
                sum = 0;
                for (; taken < count; taken++) {
                    sum += probability(heap.take(), worker);
                }
            }
            double goal = mass < 1 ? mass * sum : Double.POSITIVE_INFINITY;
            double reached = 0;
            for (int rank = 0; rank < count; rank++) {
                reached += probability(rank < taken ? heap.taken(rank) : heap.take(), worker);
                if (reached >= goal) {
                    return rank + 1;
                }
            }
            return count;
        }

        private void fill(CandidateHeap heap, long row) {
            float[] values = Scratch.get().a;
            heap.clear();
            for (int from = 0; from < vocab; from += Scratch.LENGTH) {
                int n = Math.min(Scratch.LENGTH, vocab - from);
                logits.load(loops, row, from, values, 0, n);
                for (int i = 0; i < n; i++) {
                    if (!Float.isNaN(values[i])) {
                        heap.add(values[i], from + i);
                    }
                }
            }
            heap.order();
        }

        /// Marks the candidates that stay and returns the sum of their probabilities, added up by
        /// id.
        private double mark(int kept, int worker) {
            for (int id = 0; id < vocab; id++) {
                memory.set(BYTE, marks(worker) + id, (byte) 0);
            }
            for (int rank = 0; rank < kept; rank++) {
                memory.set(BYTE, marks(worker) + heaps[worker].taken(rank), (byte) 1);
            }
            double sum = 0;
            for (int id = 0; id < vocab; id++) {
                if (memory.get(BYTE, marks(worker) + id) != 0) {
                    sum += probability(id, worker);
                }
            }
            return sum;
        }

        /// {@return the first id at which the sum of probabilities, added up by id, exceeds
        /// `target`}
        private int invert(double target, int worker, boolean marked) {
            double sum = 0;
            int last = 0;
            for (int id = 0; id < vocab; id++) {
                float probability = probability(id, worker);
                if (probability > 0 && (!marked || memory.get(BYTE, marks(worker) + id) != 0)) {
                    sum += probability;
                    last = id;
                    if (sum > target) {
                        return id;
                    }
                }
            }
            return last;
        }

        private float probability(int id, int worker) {
            return memory.get(FLOAT, probabilities(worker) + 4L * id);
        }
    }
}
