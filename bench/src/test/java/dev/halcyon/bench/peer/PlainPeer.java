package dev.halcyon.bench.peer;

import static dev.halcyon.hal.memory.DType.F32;

import dev.halcyon.bench.data.RandomBits;
import dev.halcyon.bench.problem.GemmProblem;
import dev.halcyon.bench.problem.Problem;
import dev.halcyon.bench.problem.Seeds;

import java.io.IOException;
import java.io.PrintStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/// A peer's process whose library is a loop.
final class PlainPeer implements Peer {
    static final String RIGHT = "right";
    static final String SPINNING = "spinning";
    static final String MISSING = "missing";
    static final String DYING = "dying";

    private final boolean dies;

    private PlainPeer(boolean dies) {
        this.dies = dies;
    }

    /// Runs the process.
    public static void main(String[] arguments) throws IOException {
        PrintStream answers = System.out;
        answers.println("libraries print what they like");
        if (arguments[0].equals(SPINNING)) {
            Thread.ofPlatform()
                    .daemon()
                    .start(
                            () -> {
                                while (true) {
                                    Thread.onSpinWait();
                                }
                            });
        }
        PeerServer.serve(() -> load(arguments[0]), System.in, answers);
    }

    private static Peer load(String form) {
        if (form.equals(MISSING)) {
            throw new UnsatisfiedLinkError("no such library");
        }
        return new PlainPeer(form.equals(DYING));
    }

    @Override
    public String version() {
        return "plain 1";
    }

    @Override
    public Prepared prepare(Problem problem, int copies) {
        if (dies) {
            Runtime.getRuntime().halt(1);
        }
        if (!(problem instanceof GemmProblem gemm) || gemm.dtype() != F32) {
            throw new DeclinedException("F32 alone");
        }
        return new Prepared() {
            @Override
            public void run(int turn) {
                product(gemm, new long[] {turn % gemm.resultElements()});
            }

            @Override
            public double[] sample(long[] positions) {
                return product(gemm, positions);
            }

            @Override
            public void close() {}
        };
    }

    static double[] product(GemmProblem problem, long[] positions) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment a = arena.allocate(4L * problem.m() * problem.k());
            MemorySegment b = arena.allocate(4L * problem.k() * problem.n());
            RandomBits.fill(a, F32, Seeds.INPUT, GemmProblem.LEFT_EXPONENT);
            RandomBits.fill(b, F32, Seeds.WEIGHT, GemmProblem.RIGHT_EXPONENT);
            return Arrays.stream(positions)
                    .mapToDouble(
                            position -> {
                                double sum = 0;
                                for (int p = 0; p < problem.k(); p++) {
                                    long left = position / problem.n() * problem.k() + p;
                                    long right = p * (long) problem.n() + position % problem.n();
                                    sum +=
                                            (double) a.getAtIndex(ValueLayout.JAVA_FLOAT, left)
                                                    * b.getAtIndex(ValueLayout.JAVA_FLOAT, right);
                                }
                                return sum;
                            })
                    .toArray();
        }
    }
}
