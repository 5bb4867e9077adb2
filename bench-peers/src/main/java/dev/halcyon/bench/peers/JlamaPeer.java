package dev.halcyon.bench.peers;

import com.github.tjake.jlama.tensor.AbstractTensor;
import com.github.tjake.jlama.tensor.BFloat16BufferTensor;
import com.github.tjake.jlama.tensor.FloatBufferTensor;
import com.github.tjake.jlama.tensor.operations.NativeSimdTensorOperations;
import com.github.tjake.jlama.tensor.operations.PanamaTensorOperations;
import com.github.tjake.jlama.tensor.operations.TensorOperations;
import com.github.tjake.jlama.util.MachineSpec;

import dev.halcyon.bench.data.RandomBits;
import dev.halcyon.bench.peer.Peer;
import dev.halcyon.bench.problem.GemmProblem;
import dev.halcyon.bench.problem.Problem;
import dev.halcyon.bench.problem.Seeds;
import dev.halcyon.hal.memory.DType;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/// Jlama: BF16 linear layers with F32 results; its callers cut the outputs among threads, and so
/// does this.
///
/// @param operations its loops
/// @param threads threads to cut for
record JlamaPeer(TensorOperations operations, int threads) implements Peer {
    static JlamaPeer load(boolean inC, int threads) {
        TensorOperations operations =
                inC
                        ? new NativeSimdTensorOperations()
                        : new PanamaTensorOperations(MachineSpec.VECTOR_TYPE);
        return new JlamaPeer(operations, threads);
    }

    @Override
    public String version() {
        return Versions.of("com.github.tjake", "jlama-core");
    }

    @Override
    public Prepared prepare(Problem problem, int copies) {
        if (problem instanceof GemmProblem gemm && gemm.dtype() == DType.BF16 && gemm.linear()) {
            return new Linear(gemm, copies);
        }
        throw new DeclinedException(
                "Jlama multiplies BF16 activations by BF16 weights of linear layers");
    }

    private final class Linear implements Prepared {
        private final GemmProblem problem;
        private final AbstractTensor<?, ?> x;
        private final List<AbstractTensor<?, ?>> weights = new ArrayList<>();
        private final FloatBufferTensor result;
        private final ExecutorService others =
                Executors.newFixedThreadPool(Math.max(1, threads - 1));

        Linear(GemmProblem problem, int copies) {
            this.problem = problem;
            this.x = random(problem.m(), Seeds.INPUT, GemmProblem.LEFT_EXPONENT);
            for (int copy = 0; copy < copies; copy++) {
                weights.add(random(problem.n(), Seeds.WEIGHT + copy, GemmProblem.RIGHT_EXPONENT));
            }
            this.result = new FloatBufferTensor(problem.m(), problem.n());
        }

        private AbstractTensor<?, ?> random(int rows, long seed, int exponent) {
            BFloat16BufferTensor tensor = new BFloat16BufferTensor(rows, problem.k());
            long bytes = DType.BF16.bytes((long) rows * problem.k());
            RandomBits.fill(
                    tensor.getMemorySegment().asSlice(0, bytes), DType.BF16, seed, exponent);
            return tensor;
        }

        @Override
        public void run(int turn) {
            AbstractTensor<?, ?> weight = weights.get(turn % weights.size());
            int part = problem.n() / threads;
            List<Future<?>> running = new ArrayList<>();
            for (int thread = 1; thread < threads; thread++) {
                int first = thread * part;
                int count = thread == threads - 1 ? problem.n() - first : part;
                running.add(others.submit(() -> chunk(weight, first, count)));
            }
            chunk(weight, 0, threads == 1 ? problem.n() : part);
            for (Future<?> each : running) {
                await(each);
            }
        }

        private void chunk(AbstractTensor<?, ?> weight, int first, int count) {
            operations.batchDotProduct(result, x, weight, 0, 0, problem.k(), 0, first, count);
        }

        private static void await(Future<?> running) {
            try {
                running.get();
            } catch (ExecutionException failed) {
                throw new IllegalStateException("Jlama failed: " + failed.getCause(), failed);
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException("Jlama was interrupted", interrupted);
            }
        }

        @Override
        public double[] sample(long[] positions) {
            run(0);
            return Arrays.stream(positions)
                    .mapToDouble(
                            position ->
                                    result.get(
                                            (int) (position / problem.n()),
                                            (int) (position % problem.n())))
                    .toArray();
        }

        @Override
        public void close() {
            others.shutdown();
            weights.forEach(AbstractTensor::close);
            x.close();
            result.close();
        }
    }
}
