package dev.halcyon.bench.problem;

/// Seeds of operands: one a kind, far enough apart that copies, layers and experts have room
/// between them.
public final class Seeds {
    /// Activations that enter a product.
    public static final long INPUT = 1;

    /// Router weights.
    public static final long ROUTER = 2;

    /// Queries of attention.
    public static final long QUERY = 3;

    /// Keys.
    public static final long KEY = 4;

    /// Keys' rotated part.
    public static final long ROPE_KEY = 5;

    /// Values.
    public static final long VALUE = 6;

    /// Cache rows.
    public static final long CACHE = 7;

    /// The first gradient; matrix `i` has seed `GRADIENT + i`.
    public static final long GRADIENT = 10_000;

    /// The first weight; copy `i` has seed `WEIGHT + i`.
    public static final long WEIGHT = 20_000;

    private static final long EXPERT = 1_000_000;
    private static final int MATRICES = 3;

    private Seeds() {}

    /// {@return the seed of one matrix of one expert}
    ///
    /// @param expert number of the expert over all layers
    /// @param matrix 0 for the gate projection, 1 for the up projection, 2 for the down projection
    public static long expert(long expert, int matrix) {
        return EXPERT + expert * MATRICES + matrix;
    }

    /// {@return the seed of the scales of that matrix, where it has any}
    public static long scales(long expert, int matrix) {
        return -expert(expert, matrix);
    }
}
