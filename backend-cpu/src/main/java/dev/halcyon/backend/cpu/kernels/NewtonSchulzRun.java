package dev.halcyon.backend.cpu.kernels;

import java.util.List;

/// A Newton-Schulz iteration in a workspace of its own; it allocates nothing once it is made.
///
/// One thread at a time runs it.
final class NewtonSchulzRun {
    private final TallMatrix x;
    private final Runnable[] stages;

    /// Makes a run.
    ///
    /// @param x the matrix that the stages work on
    /// @param stages the products in order
    NewtonSchulzRun(TallMatrix x, List<Runnable> stages) {
        this.x = x;
        this.stages = stages.toArray(Runnable[]::new);
    }

    /// Orthogonalises one matrix.
    void orthogonalise(MatrixEnds matrix) {
        x.load(matrix);
        x.normalise();
        for (Runnable stage : stages) {
            stage.run();
        }
        x.store(matrix);
    }
}
