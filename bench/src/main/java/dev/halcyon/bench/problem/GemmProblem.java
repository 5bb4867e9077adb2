package dev.halcyon.bench.problem;

import dev.halcyon.hal.memory.DType;

/// A product of two matrices: general, `[m, k] · [k, n]`, both just operands; or a linear layer,
/// `[m, k] · [n, k]ᵀ`, whose weight is known beforehand and may lie in whatever layout its user
/// likes.
///
/// @param m rows of the result
/// @param k length of the sums
/// @param n columns of the result
/// @param dtype element type of all three matrices
/// @param linear whether it is a linear layer
/// @param cold whether the weight must come from memory
public record GemmProblem(int m, int k, int n, DType dtype, boolean linear, boolean cold)
        implements Problem {
    /// Exponent of the left side's magnitudes.
    public static final int LEFT_EXPONENT = -1;

    /// Exponent of the right side's: sums of 7,168 products stay near one.
    public static final int RIGHT_EXPONENT = -6;

    /// {@return a general product of square matrices}
    public static GemmProblem square(int size, DType dtype) {
        return new GemmProblem(size, size, size, dtype, false, false);
    }

    /// {@return a general product}
    public static GemmProblem general(int m, int k, int n, DType dtype) {
        return new GemmProblem(m, k, n, dtype, false, false);
    }

    /// {@return a linear layer whose weight comes from memory}
    public static GemmProblem coldLinear(int rows, int in, int out, DType dtype) {
        return new GemmProblem(rows, in, out, dtype, true, true);
    }

    @Override
    public String suite() {
        return "gemm";
    }

    @Override
    public String title() {
        return (linear ? "linear " : "GEMM ")
                + dtype
                + " "
                + m
                + "x"
                + k
                + "x"
                + n
                + (cold ? ", cold" : "");
    }

    @Override
    public long coldBytes() {
        return cold ? bytesPerCopy() : 0;
    }

    @Override
    public long bytesPerCopy() {
        return dtype.bytes((long) n * k);
    }

    @Override
    public long resultElements() {
        return (long) m * n;
    }

    @Override
    public double roughFlops() {
        return 2.0 * m * k * n;
    }

    @Override
    public double tolerance() {
        return Tolerances.of(dtype, k);
    }
}
