package dev.halcyon.tck.conformance;

import static dev.halcyon.hal.memory.DType.BF16;
import static dev.halcyon.hal.memory.DType.F32;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.moe.MoeGate;
import dev.halcyon.hal.kernel.moe.MoeLayer;
import dev.halcyon.hal.kernel.optimizer.Coefficients;
import dev.halcyon.hal.kernel.optimizer.MuonStep;
import dev.halcyon.hal.kernel.optimizer.NewtonSchulz;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.WeightFormat;
import dev.halcyon.tck.oracle.Gate;
import dev.halcyon.tck.oracle.Linear;
import dev.halcyon.tck.oracle.Routing;
import dev.halcyon.tck.oracle.SwiGlu;

import java.util.BitSet;
import java.util.List;

/// Cases at the sizes of DeepSeek-V3, where the fast paths are: the small and odd cases cannot
/// reach them.
final class ModelSizeCases {
    private ModelSizeCases() {}

    static List<ConformanceCase> all() {
        return List.of(
                new SampledCase(
                        "MoeLayer",
                        "DeepSeek-V3 7168x2048, two experts of 256",
                        false,
                        new Experts()),
                new SampledCase(
                        "MuonStep", "2048x7168, one iteration", false, new Step(2048, 7168, 1)),
                new SampledCase(
                        "MuonStep",
                        "2048x7168 as a Gram matrix, one iteration",
                        true,
                        new Gram(2048, 7168)));
    }

    /// One expert-parallel rank's share of a layer: the gate of all 256 experts and two experts, to
    /// which a bias sends every token.
    private static final class Experts implements SampledCase.Sampled<MoeLayer.Args> {
        private static final int TOKENS = 3;
        private static final int HIDDEN = 7168;
        private static final int WIDTH = 2048;
        private static final int FIRST = 10;
        private static final int LOCAL = 2;
        private static final int SAMPLED_COLUMNS = 24;

        @Override
        public KernelSpec<MoeLayer.Args> spec(Device device) {
            MoeGate gate = MoeGate.deepSeekV3(TOKENS, BF16);
            return MoeLayer.of(gate, WIDTH, WeightFormat.rowMajor(BF16))
                    .withLocalExperts(FIRST, LOCAL);
        }

        @Override
        public MoeLayer.Args operands(Device device, DeviceArena arena, Stream stream, long seed) {
            Tensor x = arena.tensor(BF16, TOKENS, HIDDEN);
            x(seed).write(stream, x);
            Tensor router = arena.tensor(BF16, 256, HIDDEN);
            router(seed).write(stream, router);
            Tensor bias = arena.tensor(F32, 256);
            stream.write(bias, bias());
            return MoeLayer.Args.of(
                            x,
                            router,
                            matrices(arena, stream, gate(seed, 0), gate(seed, 1)),
                            matrices(arena, stream, up(seed, 0), up(seed, 1)),
                            matrices(arena, stream, down(seed, 0), down(seed, 1)),
                            arena.tensor(BF16, TOKENS, HIDDEN))
                    .withGateBias(bias);
        }

        private static Operand matrices(DeviceArena arena, Stream stream, HashedValues... experts) {
            Tensor stack =
                    arena.tensor(BF16, experts.length, experts[0].rows(), experts[0].columns());
            for (int i = 0; i < experts.length; i++) {
                experts[i].write(stream, stack.get(i));
            }
            return stack;
        }

        private static HashedValues x(long seed) {
            return new HashedValues(seed, TOKENS, HIDDEN, 1);
        }

        private static HashedValues router(long seed) {
            return new HashedValues(seed + 1, 256, HIDDEN, 0x1p-6);
        }

        private static HashedValues gate(long seed, int expert) {
            return new HashedValues(seed + 2 + 100L * expert, WIDTH, HIDDEN, 0x1p-6);
        }

        private static HashedValues up(long seed, int expert) {
            return new HashedValues(seed + 3 + 100L * expert, WIDTH, HIDDEN, 0x1p-6);
        }

        private static HashedValues down(long seed, int expert) {
            return new HashedValues(seed + 4 + 100L * expert, HIDDEN, WIDTH, 0x1p-6);
        }

        private static float[] bias() {
            float[] bias = new float[256];
            for (int e = FIRST; e < FIRST + LOCAL; e++) {
                bias[e] = 3;
            }
            return bias;
        }

        @Override
        public Difference compare(MoeLayer.Args args, Stream stream, long seed) {
            MoeGate spec = MoeGate.deepSeekV3(TOKENS, BF16);
            double[] bias = new double[256];
            for (int e = 0; e < bias.length; e++) {
                bias[e] = bias()[e];
            }
            double[] x = x(seed).toArray();
            Routing routing = Gate.route(x, router(seed), bias, MoeReference.rule(spec));
            double[] expected = new double[TOKENS * SAMPLED_COLUMNS];
            for (int expert = 0; expert < LOCAL; expert++) {
                double[] h =
                        SwiGlu.forward(
                                Linear.apply(x, gate(seed, expert)),
                                Linear.apply(x, up(seed, expert)),
                                SwiGlu.NO_LIMIT);
                add(expected, h, down(seed, expert), weights(routing, FIRST + expert));
            }
            float[] out = stream.readFloats(args.out());
            double[] actual = new double[expected.length];
            for (int i = 0; i < actual.length; i++) {
                actual[i] = out[i / SAMPLED_COLUMNS * HIDDEN + column(i % SAMPLED_COLUMNS)];
            }
            double tolerance = Tolerance.of(BF16, F32, HIDDEN) * 3;
            return Difference.of("out", new Expected(expected, new BitSet()), actual, tolerance);
        }

        private static double[] weights(Routing routing, int expert) {
            double[] weights = new double[TOKENS];
            for (int i = 0; i < routing.indices().length; i++) {
                if (routing.indices()[i] == expert) {
                    weights[i / routing.topK()] = routing.weights()[i];
                }
            }
            return weights;
        }

        private static void add(
                double[] expected, double[] h, HashedValues down, double[] weights) {
            for (int i = 0; i < expected.length; i++) {
                int token = i / SAMPLED_COLUMNS;
                double sum = 0;
                for (int f = 0; f < WIDTH; f++) {
                    sum += h[token * WIDTH + f] * down.at(column(i % SAMPLED_COLUMNS), f);
                }
                expected[i] += weights[token] * sum;
            }
        }

        private static int column(int sample) {
            return sample == 0
                    ? 0
                    : sample == SAMPLED_COLUMNS - 1 ? HIDDEN - 1 : sample * 301 % HIDDEN;
        }
    }

    /// One Muon step with few Newton-Schulz iterations on a matrix of real size, compared on some
    /// rows.
    private static class Step implements SampledCase.Sampled<MuonStep.Args> {
        private static final int[] SAMPLED_ROWS = {0, 777, 2047};
        private static final double RATE = 0.02;
        private static final double DECAY = 0.1;

        private final int rows;
        private final int columns;
        private final int iterations;

        Step(int rows, int columns, int iterations) {
            this.rows = rows;
            this.columns = columns;
            this.iterations = iterations;
        }

        @Override
        public MuonStep spec(Device device) {
            MuonStep step = MuonStep.moonlight(rows, columns);
            NewtonSchulz newtonSchulz =
                    step.newtonSchulz()
                            .withSteps(Coefficients.KELLER_JORDAN.subList(0, iterations))
                            .withTypes(F32, BF16, F32);
            return step.withNewtonSchulz(newtonSchulz);
        }

        @Override
        public MuonStep.Args operands(Device device, DeviceArena arena, Stream stream, long seed) {
            Tensor parameter = arena.tensor(F32, rows, columns);
            new HashedValues(seed, rows, columns, 0x1p-4).write(stream, parameter);
            Tensor gradient = arena.tensor(F32, rows, columns);
            gradient(seed).write(stream, gradient);
            Tensor momentum = arena.tensor(F32, rows, columns);
            stream.fill(momentum, 0);
            Tensor hyper = arena.tensor(F32, 2);
            stream.write(hyper, (float) RATE, (float) DECAY);
            return MuonStep.Args.of(parameter, gradient, momentum, hyper);
        }

        private HashedValues gradient(long seed) {
            return new HashedValues(seed + 1, rows, columns, 1);
        }

        /// The first momentum is the gradient, and its direction a multiple of it, which the norm
        /// takes out again.
        @Override
        public Difference compare(MuonStep.Args args, Stream stream, long seed) {
            MuonStep spec = spec(stream.device());
            var oracle = OptimizerReference.oracle(spec.newtonSchulz());
            double[] x = oracle.normalise(gradient(seed).toArray());
            HashedValues before = new HashedValues(seed, rows, columns, 0x1p-4);
            double[] expected = new double[SAMPLED_ROWS.length * columns];
            double[] actual = new double[expected.length];
            for (int i = 0; i < SAMPLED_ROWS.length; i++) {
                int row = SAMPLED_ROWS[i];
                double[] update =
                        dev.halcyon.tck.oracle.NewtonSchulz.stepRow(
                                x, rows, columns, oracle.steps().getFirst(), row);
                float[] result = stream.readFloats(((Tensor) args.parameter()).get(row));
                for (int c = 0; c < columns; c++) {
                    double wanted =
                            before.at(row, c) * (1 - RATE * DECAY)
                                    - RATE * spec.updateScale() * update[c];
                    // What the step did, not what the parameter was already.
                    expected[i * columns + c] = wanted - before.at(row, c);
                    actual[i * columns + c] = result[c] - before.at(row, c);
                }
            }
            double tolerance = Tolerance.of(BF16, F32, columns) * 4;
            return Difference.of(
                    "parameter", new Expected(expected, new BitSet()), actual, tolerance);
        }
    }

    /// The same step, multiplied in the other order.
    private static final class Gram extends Step {
        Gram(int rows, int columns) {
            super(rows, columns, 1);
        }

        @Override
        public MuonStep spec(Device device) {
            MuonStep step = super.spec(device);
            return step.withNewtonSchulz(step.newtonSchulz().withForm(NewtonSchulz.Form.GRAM));
        }
    }
}
