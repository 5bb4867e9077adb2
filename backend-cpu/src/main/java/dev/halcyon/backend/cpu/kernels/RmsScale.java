package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.loops.RowLoops;

import org.jspecify.annotations.Nullable;

/// The second half of a root-mean-square norm, which the plain and the fused kernel share.
///
/// @param dim elements of a row
/// @param epsilon added to the mean square
record RmsScale(int dim, double epsilon) {
    /// {@return `1 / sqrt(squares / dim + epsilon)`}
    float inverse(double squares) {
        return (float) (1 / Math.sqrt(squares / dim + epsilon));
    }

    /// Multiplies rows by their inverse root mean squares, which the thread's [Scratch#d] holds
    /// from 0 on, and by the weight.
    void apply(
            RowLoops loops, Rows x, @Nullable Rows weight, Rows out, long first, long end, int n) {
        Scratch scratch = Scratch.get();
        for (int from = 0; from < n; from += Scratch.LENGTH) {
            int length = Math.min(Scratch.LENGTH, n - from);
            if (weight != null) {
                weight.load(loops, 0, from, scratch.b, 0, length);
            }
            for (long row = first; row < end; row++) {
                float inverse = scratch.d[(int) (row - first)];
                x.load(loops, row, from, scratch.a, 0, length);
                if (weight == null) {
                    loops.scale(inverse, scratch.a, 0, length);
                } else {
                    loops.scaleAndMultiply(
                            scratch.a, 0, inverse, scratch.b, 0, scratch.a, 0, length);
                }
                out.store(loops, scratch.a, 0, length, row, from);
            }
        }
    }
}
