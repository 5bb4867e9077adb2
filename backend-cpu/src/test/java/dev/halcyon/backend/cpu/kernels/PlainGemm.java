package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.hal.kernel.linear.Gemm;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.Tensor;

/// What [Gemm] should give, in plain loops in double.
final class PlainGemm {
    private PlainGemm() {}

    /// {@return the spec that fits some operands}
    static Gemm spec(Tensor a, Operand b, Tensor out, boolean transposeA, boolean transposeB) {
        boolean batched = a.rank() == 3;
        return new Gemm(
                batched ? (int) Math.max(1, a.dim(0)) : 1,
                (int) Math.max(1, out.dim(-2)),
                (int) out.dim(-1),
                (int) a.dim(transposeA ? -2 : -1),
                a.dtype(),
                b.format(),
                out.dtype(),
                DType.F32,
                transposeA,
                transposeB,
                1,
                0,
                false);
    }

    /// Runs a product and compares every element; `b` is what to multiply by, `plain` what that
    /// stands for.
    static void check(
            MatrixBench bench, Gemm spec, Tensor a, Operand b, Operand plain, Tensor out) {
        double[] before = new double[(int) out.elements()];
        forEach(out, (g, i, j, number) -> before[number] = MatrixBench.at(out, g, i, j));
        bench.run(spec, Gemm.Args.of(a, b, out));
        compare(spec, a, plain, out, before, (int) out.dim(-2));
    }

    /// Compares the first `rows` rows of a result.
    static void compare(Gemm spec, Tensor a, Operand plain, Tensor out, double[] before, int rows) {
        forEach(
                out,
                (g, i, j, number) -> {
                    if (i >= rows) {
                        return;
                    }
                    double sum = 0;
                    double magnitude = 0;
                    for (int k = 0; k < spec.k(); k++) {
                        double x =
                                spec.transposeA()
                                        ? MatrixBench.at(a, g, k, i)
                                        : MatrixBench.at(a, g, i, k);
                        double y =
                                spec.transposeB()
                                        ? MatrixBench.at(plain, g, j, k)
                                        : MatrixBench.at(plain, g, k, j);
                        sum += x * y;
                        magnitude += Math.abs(x * y);
                    }
                    double old = spec.beta() == 0 ? 0 : spec.beta() * before[number];
                    double expected = spec.alpha() * sum + old;
                    double bound =
                            MatrixBench.tolerance(
                                    spec.k(),
                                    Math.abs(spec.alpha()) * magnitude + Math.abs(old),
                                    expected,
                                    spec.out());
                    MatrixBench.close(
                            expected,
                            MatrixBench.at(out, g, i, j),
                            bound,
                            spec + " element " + g + ", " + i + ", " + j);
                });
    }

    /// Sees one element of a result.
    interface Element {
        void visit(int batch, int row, int column, int number);
    }

    static void forEach(Tensor out, Element visitor) {
        int batch = out.rank() == 3 ? (int) out.dim(0) : 1;
        int number = 0;
        for (int g = 0; g < batch; g++) {
            for (int i = 0; i < out.dim(-2); i++) {
                for (int j = 0; j < out.dim(-1); j++) {
                    visitor.visit(g, i, j, number++);
                }
            }
        }
    }
}
