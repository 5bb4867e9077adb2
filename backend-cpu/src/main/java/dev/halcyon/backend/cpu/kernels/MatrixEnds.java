package dev.halcyon.backend.cpu.kernels;

/// Where the elements of a matrix that is orthogonalised come from and where they go to, a stretch
/// of a row at a time.
///
/// A matrix is contiguous, so a stretch may also be given as row 0 and a column beyond its end.
/// Several threads call with stretches that do not overlap.
interface MatrixEnds {
    /// Puts elements, rounded to the type that the iteration takes, into `scratch.a`; the rest of
    /// the scratch is free to use.
    void fetch(Scratch scratch, long row, long column, int n);

    /// Takes elements from `scratch.a`, not yet rounded to the type that the iteration gives; the
    /// whole scratch is free to use.
    void deliver(Scratch scratch, long row, long column, int n);
}
