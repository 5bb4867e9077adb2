package dev.halcyon.bench.problem;

import dev.halcyon.hal.memory.DType;

/// A Muon step on several matrices: F32 parameters and momenta, BF16 gradients, Keller Jordan's
/// five Newton-Schulz iterations with BF16 between the products, Moonlight's decaying sum and
/// scale.
///
/// The result that is compared is the orthogonal direction: what the step did to parameters that
/// were zero, divided by minus the rate and the scale.
///
/// @param matrices number of matrices
/// @param rows rows of each
/// @param columns columns of each, at least as many
/// @param gram whether the device under test multiplies on the Gram matrix; peers multiply as they
///   do
public record MuonProblem(int matrices, int rows, int columns, boolean gram) implements Problem {
    /// Exponent of the gradients' magnitudes.
    public static final int GRADIENT_EXPONENT = -8;

    /// Decay of the momentum.
    public static final double BETA = 0.95;

    /// Learning rate.
    public static final float RATE = 2e-3f;

    /// Weight decay.
    public static final float DECAY = 0.1f;

    /// Added to the norm.
    public static final double EPSILON = 1e-7;

    private static final int BYTES_PER_ELEMENT = 4 + 4 + 2;

    /// Five iterations each let rounding to BF16 grow; libtorch's muon stays below the same bound.
    private static final double TOLERANCE = 0.1;

    public MuonProblem {
        if (rows > columns) {
            throw new IllegalArgumentException(
                    "rows " + rows + " must not exceed columns " + columns);
        }
    }

    /// {@return the longer side's root by which updates are scaled, times 0.2}
    public double updateScale() {
        return 0.2 * Math.sqrt(columns);
    }

    @Override
    public String suite() {
        return "muon";
    }

    @Override
    public String title() {
        String size = rows + "x" + columns;
        return "step BF16 "
                + (matrices == 1 ? size : matrices + " x (" + size + ")")
                + (gram ? ", Gram" : "");
    }

    @Override
    public DType dtype() {
        return DType.BF16;
    }

    @Override
    public long coldBytes() {
        return 0;
    }

    @Override
    public long bytesPerCopy() {
        return (long) matrices * rows * columns * BYTES_PER_ELEMENT;
    }

    @Override
    public long resultElements() {
        return (long) matrices * rows * columns;
    }

    @Override
    public double roughFlops() {
        return leastFlops(5);
    }

    @Override
    public double tolerance() {
        return TOLERANCE;
    }

    /// {@return the least operations of the best form known, symmetric products computed by half}
    ///
    /// With n rows, m columns, s iterations: an iteration of the plain form costs `3 n² m + n³`, `X
    /// Xᵀ` and `A²` being symmetric. On the Gram matrix every small product is symmetric, since all
    /// are polynomials of one matrix; a start (the first iteration and, for accuracy, the third)
    /// costs `3 n² m`, and there are `4 s` small products less three a start, `n³` each.
    public double leastFlops(int iterations) {
        double n = rows;
        double m = columns;
        double starts = iterations > 2 ? 2 : 1;
        double plain = iterations * (3 * n * n * m + n * n * n);
        double onGram = starts * 3 * n * n * m + (4 * iterations - 3 * starts) * n * n * n;
        return matrices * Math.min(plain, onGram);
    }
}
