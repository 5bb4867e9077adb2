package dev.halcyon.backend.cpu.kernels;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;

import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.linear.Gemm;
import dev.halcyon.hal.kernel.linear.GroupedGemm;
import dev.halcyon.hal.kernel.moe.MoeGate;
import dev.halcyon.hal.kernel.moe.MoeLayer;
import dev.halcyon.hal.kernel.optimizer.NewtonSchulz;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.TensorList;
import dev.halcyon.hal.memory.WeightFormat;

import org.junit.jupiter.api.Test;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;

/// Products of every form allocate nothing once they are compiled, whatever else the JVM has run.
///
/// A vector kernel that C2 cannot compile as a whole is right, slow by a factor of fifty, and
/// allocates an object for every operation. So this is the test that the clock would be otherwise:
/// many forms are mixed in one JVM until none of them allocates, twice, with the first segments on
/// the heap between. A kernel that is stuck never gets there.
class ProductAllocationTest {
    private static final int ROUND = 5;
    private static final int N = 160;
    private static final int K = 512;

    /// What measuring itself, other threads of the JVM, and the few small objects of a gate or a
    /// queue of tasks may allocate in a round. A tile that boxes its vectors makes an object for
    /// each of the 7,680 multiply-adds that the smallest linear layer here takes with 16 lanes.
    private static final long SPARE_BYTES = 128 * 1024;

    private static final long PATIENCE_NANOS = 120_000_000_000L;

    private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    /// A launch, and how it is called in messages.
    private record Form(String name, Stream stream, Launch launch) {
        void run() {
            for (int i = 0; i < ROUND; i++) {
                stream.submit(launch);
            }
            stream.synchronize();
        }
    }

    /// A device and the launches on it.
    private static final class Mix implements AutoCloseable {
        private final MatrixBench bench;
        private final Stream stream;
        private final List<Form> forms = new ArrayList<>();

        Mix(MatrixBench bench) {
            this.bench = bench;
            this.stream = bench.device().stream("mix");
            linear();
            general();
            grouped();
            experts();
            iterations();
        }

        private <A extends KernelArgs> void add(String what, KernelSpec<A> spec, A args) {
            Plan<A> plan = bench.device().plan(spec);
            Launch launch =
                    plan.bind(bench.arena(), args, bench.device().workspace(bench.arena(), plan));
            forms.add(
                    new Form(plan.support().implementation().name() + ", " + what, stream, launch));
        }

        private void linear() {
            List<Operand> weights = new ArrayList<>();
            for (DType type : List.of(DType.F32, DType.BF16, DType.F16)) {
                Tensor plain = bench.random(type, N, K);
                weights.add(plain);
                if (type != DType.F16) {
                    weights.add(bench.packed(plain));
                }
            }
            for (QuantizationScheme scheme :
                    List.of(
                            QuantizationScheme.FP8_BLOCK_128,
                            QuantizationScheme.INT4_GROUP_32,
                            QuantizationScheme.FP4_GROUP_32)) {
                weights.add(bench.randomCodes(scheme, N, K));
            }
            for (Operand weight : weights) {
                for (int rows : new int[] {1, 2, 3, 8, 13, 60}) {
                    DType type = rows % 2 == 0 ? DType.BF16 : DType.F32;
                    Tensor a = bench.random(type, rows, K);
                    Tensor out = bench.arena().tensor(type, rows, N);
                    add(
                            rows + " rows",
                            Gemm.linear(rows, K, N, type, weight.format(), type),
                            Gemm.Args.of(a, weight, out));
                }
            }
        }

        private void general() {
            for (DType type : List.of(DType.F32, DType.BF16, DType.F16)) {
                for (int rows : new int[] {4, 60}) {
                    Tensor a = bench.random(type, rows, K);
                    Tensor b = bench.random(type, K, N);
                    Tensor out = bench.random(type, rows, N);
                    add(
                            rows + " rows of " + type,
                            Gemm.batched(1, rows, N, K, type, b.format(), type)
                                    .withFactors(0.5, 0.5),
                            Gemm.Args.of(a, b, out));
                }
            }
        }

        private void grouped() {
            for (DType type : List.of(DType.F32, DType.BF16)) {
                Tensor a = bench.random(type, 80, K);
                Tensor plain = bench.random(type, 4, N, K);
                Tensor out = bench.arena().tensor(type, 80, N);
                for (Operand b : List.of(plain, bench.packed(plain))) {
                    add(
                            "groups of " + type,
                            GroupedGemm.contiguous(4, 80, N, K, type, b.format(), type),
                            GroupedGemm.Args.of(
                                    a, b, bench.ints(0, 1, 9, 20), bench.ints(1, 8, 11, 60), out));
                }
            }
        }

        private void experts() {
            int hidden = 256;
            int width = 128;
            for (boolean packs : new boolean[] {true, false}) {
                List<Operand> inner = new ArrayList<>();
                List<Operand> last = new ArrayList<>();
                for (int e = 0; e < 4; e++) {
                    inner.add(expert(packs, width, hidden));
                    last.add(expert(packs, hidden, width));
                }
                WeightFormat wide = inner.getFirst().format().listed();
                WeightFormat narrow = last.getFirst().format().listed();
                for (int tokens : new int[] {1, 40}) {
                    MoeGate gate =
                            MoeGate.of(tokens, hidden, 4, 2, MoeGate.Score.SIGMOID, DType.BF16);
                    add(
                            tokens + " tokens",
                            MoeLayer.of(gate, width, wide).withFormats(wide, narrow),
                            MoeLayer.Args.of(
                                    bench.random(DType.BF16, tokens, hidden),
                                    bench.random(DType.BF16, 4, hidden),
                                    new TensorList(inner),
                                    new TensorList(inner),
                                    new TensorList(last),
                                    bench.arena().tensor(DType.BF16, tokens, hidden)));
                }
            }
        }

        private Operand expert(boolean packs, int rows, int columns) {
            return packs
                    ? bench.packed(bench.random(DType.BF16, rows, columns))
                    : bench.randomCodes(QuantizationScheme.FP8_BLOCK_128, rows, columns);
        }

        private void iterations() {
            for (DType type : List.of(DType.F32, DType.BF16)) {
                Tensor x = bench.random(type, 96, 160);
                Tensor out = bench.arena().tensor(type, Shape.of(96, 160));
                add(
                        "iteration of " + type,
                        NewtonSchulz.of(96, 160).withTypes(type, type, type),
                        NewtonSchulz.Args.of(x, out));
            }
        }

        @Override
        public void close() {
            stream.close();
            bench.close();
        }
    }

    @Test
    void allocateNothingOnceCompiled() {
        try (Mix chosen = new Mix(MatrixBench.open(2));
                Mix inJava = new Mix(MatrixBench.openInJava(2))) {
            List<Form> forms = new ArrayList<>(chosen.forms);
            forms.addAll(inJava.forms);
            untilNoneAllocates(forms);
            MemorySegment heap = MemorySegment.ofArray(new float[8]);
            heap.set(ValueLayout.JAVA_FLOAT, 4, 1f);
            MemorySegment.ofArray(new byte[8]).fill((byte) 1);
            untilNoneAllocates(forms);
        }
    }

    /// Those that allocate have turns until they do not; then all have one more.
    private void untilNoneAllocates(List<Form> forms) {
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        List<Form> left = forms;
        while (true) {
            List<Form> still = new ArrayList<>();
            long most = 0;
            for (Form form : left) {
                form.run();
                long before = threads.getTotalThreadAllocatedBytes();
                form.run();
                long bytes = threads.getTotalThreadAllocatedBytes() - before;
                if (bytes > SPARE_BYTES) {
                    still.add(form);
                    most = Math.max(most, bytes);
                }
            }
            if (still.isEmpty() && left.size() == forms.size()) {
                return;
            }
            assertTrue(
                    System.nanoTime() < deadline,
                    "still allocate, up to "
                            + most / ROUND
                            + " bytes a run: "
                            + still.stream().map(Form::name).toList());
            left = still.isEmpty() ? forms : still;
        }
    }
}
