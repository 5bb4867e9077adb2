package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.backend.cpu.loops.MatrixLoops;
import dev.halcyon.backend.cpu.loops.RowLoops;
import dev.halcyon.backend.cpu.parallel.WorkerPool;
import dev.halcyon.hal.kernel.optimizer.NewtonSchulz;
import dev.halcyon.hal.memory.DType;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.Objects;

/// The matrix of a Newton-Schulz iteration, kept with its longer side as rows: what goes in is
/// transposed if it is wide, and transposed back where it goes out.
///
/// A wide matrix goes through a worker's staging area, some rows by a stretch of columns at a time:
/// memory is read and written in long runs, and the transposition happens in the second-level
/// cache. All pieces depend on the shape alone, and so does the order in which the squares of the
/// norm are added up.
final class TallMatrix {
    /// Rows of a piece: one line of the transposed matrix if it is BF16.
    private static final int PIECE_ROWS = 32;

    /// Keeps the rows of a piece out of each other's cache sets.
    private static final int PITCH_GAP = 64;

    /// Elements of a band: some microseconds of work.
    private static final int BAND_ELEMENTS = 1 << 15;

    /// Sums of squares of a stretch beyond these may have lost elements to underflow, or
    /// overflowed.
    private static final float LEAST_SAFE = 0x1p-80f;

    private static final float MOST_SAFE = 0x1p+120f;

    /// Exponents of a factor that a float holds with all its digits.
    private static final int MOST_EXPONENT = 120;

    private final RowLoops loops;
    private final MatrixLoops moves;
    private final WorkerPool pool;
    private final NewtonSchulz spec;
    private final DType dtype;
    private final boolean wide;
    private final Rows inside;
    private final long rows;
    private final int columns;
    private final int bands;
    private final int piecesAlong;
    private final int pieces;
    private final MemorySegment staging;
    private final long stagingPitch;
    private final double[] squares;
    private final WorkerPool.Task loadPiece = this::loadPiece;
    private final WorkerPool.Task scaleBand = this::scaleBand;
    private final WorkerPool.Task storePiece = this::storePiece;
    private @Nullable MatrixEnds outside;
    private float coarse;
    private float fine;

    /// Makes a matrix in native memory.
    ///
    /// @param memory begins with the elements
    /// @param staging [#stagingBytes] bytes that are free while the matrix is loaded or stored
    TallMatrix(CpuContext context, NewtonSchulz spec, MemorySegment memory, MemorySegment staging) {
        this.loops = context.rows();
        this.moves = context.matrix();
        this.pool = context.pool();
        this.spec = spec;
        this.dtype = spec.compute();
        this.wide = isWide(spec);
        this.rows = spec.longSide();
        this.columns = spec.shortSide();
        this.inside = new Rows(dtype, memory, 0, dtype.bytes(columns), rows);
        this.bands = Math.toIntExact(Math.ceilDiv(rows * columns, BAND_ELEMENTS));
        this.piecesAlong = Math.toIntExact(Math.ceilDiv(rows, Scratch.LENGTH));
        this.pieces = wide ? Math.ceilDiv(columns, PIECE_ROWS) * piecesAlong : bands;
        this.staging = staging;
        this.stagingPitch = stagingPitch(spec);
        this.squares = new double[pieces];
    }

    private static boolean isWide(NewtonSchulz spec) {
        return spec.columns() > spec.rows() && spec.rows() > 1;
    }

    private static long stagingPitch(NewtonSchulz spec) {
        return spec.compute().bytes(Math.min(Scratch.LENGTH, spec.longSide()))
                        / PITCH_GAP
                        * PITCH_GAP
                + 2 * PITCH_GAP;
    }

    /// {@return bytes that loading and storing need}
    static long stagingBytes(CpuContext context, NewtonSchulz spec) {
        return isWide(spec) ? context.pool().threads() * PIECE_ROWS * stagingPitch(spec) : 0;
    }

    /// Takes the elements of a matrix, rounded to the type of this one.
    void load(MatrixEnds from) {
        outside = from;
        pool.run(pieces, loadPiece);
    }

    /// Divides by the norm of what was loaded.
    void normalise() {
        double sum = 0;
        for (double part : squares) {
            sum += part;
        }
        double norm = Math.sqrt(sum);
        double divisor =
                switch (spec.norm()) {
                    case ADD_EPSILON -> norm + spec.epsilon();
                    case CLAMP_MIN -> Math.max(norm, spec.epsilon());
                };
        double factor = 1 / divisor;
        int exponent = factor == 0 ? 0 : Math.getExponent(factor);
        boolean extreme = Math.abs(exponent) > MOST_EXPONENT && exponent <= Double.MAX_EXPONENT;
        coarse =
                extreme
                        ? Math.scalb(
                                1f,
                                Math.clamp(exponent / 2, Float.MIN_EXPONENT, Float.MAX_EXPONENT))
                        : 1;
        fine = (float) (factor / coarse);
        pool.run(bands, scaleBand);
    }

    /// Gives the elements to a matrix, rounded to its type.
    void store(MatrixEnds to) {
        outside = to;
        pool.run(pieces, storePiece);
    }

    private void loadPiece(int piece, int worker) {
        MatrixEnds from = Objects.requireNonNull(outside);
        squares[piece] = wide ? loadTransposed(from, piece, worker) : loadStraight(from, piece);
    }

    private double loadStraight(MatrixEnds from, int band) {
        Scratch scratch = Scratch.get();
        double sum = 0;
        long end = firstElement(band + 1);
        for (long at = firstElement(band); at < end; at += Scratch.LENGTH) {
            int count = (int) Math.min(Scratch.LENGTH, end - at);
            from.fetch(scratch, 0, at, count);
            inside.store(loops, scratch.a, 0, count, 0, at);
            if (dtype != DType.F32) {
                inside.load(loops, 0, at, scratch.a, 0, count);
            }
            sum += sumOfSquares(scratch.a, count);
        }
        return sum;
    }

    private double loadTransposed(MatrixEnds from, int piece, int worker) {
        Scratch scratch = Scratch.get();
        int column = piece / piecesAlong * PIECE_ROWS;
        int width = Math.min(PIECE_ROWS, columns - column);
        long row = (long) (piece % piecesAlong) * Scratch.LENGTH;
        int height = (int) Math.min(Scratch.LENGTH, rows - row);
        long base = worker * PIECE_ROWS * stagingPitch;
        double sum = 0;
        for (int i = 0; i < width; i++) {
            long at = base + i * stagingPitch;
            from.fetch(scratch, column + i, row, height);
            loops.store(dtype, scratch.a, 0, height, staging, at);
            if (dtype != DType.F32) {
                loops.load(dtype, staging, at, scratch.a, 0, height);
            }
            sum += sumOfSquares(scratch.a, height);
        }
        moves.transpose(
                dtype,
                staging,
                base,
                stagingPitch,
                width,
                height,
                inside.memory(),
                inside.at(row, column),
                inside.rowBytes());
        return sum;
    }

    private void scaleBand(int band, int worker) {
        float[] values = Scratch.get().a;
        long end = firstElement(band + 1);
        for (long from = firstElement(band); from < end; from += Scratch.LENGTH) {
            int count = (int) Math.min(Scratch.LENGTH, end - from);
            inside.load(loops, 0, from, values, 0, count);
            if (coarse != 1) {
                loops.scale(coarse, values, 0, count);
            }
            loops.scale(fine, values, 0, count);
            inside.store(loops, values, 0, count, 0, from);
        }
    }

    private void storePiece(int piece, int worker) {
        MatrixEnds to = Objects.requireNonNull(outside);
        if (wide) {
            storeTransposed(to, piece, worker);
            return;
        }
        Scratch scratch = Scratch.get();
        long end = firstElement(piece + 1);
        for (long from = firstElement(piece); from < end; from += Scratch.LENGTH) {
            int count = (int) Math.min(Scratch.LENGTH, end - from);
            inside.load(loops, 0, from, scratch.a, 0, count);
            to.deliver(scratch, 0, from, count);
        }
    }

    private void storeTransposed(MatrixEnds to, int piece, int worker) {
        Scratch scratch = Scratch.get();
        int column = piece / piecesAlong * PIECE_ROWS;
        int width = Math.min(PIECE_ROWS, columns - column);
        long row = (long) (piece % piecesAlong) * Scratch.LENGTH;
        int height = (int) Math.min(Scratch.LENGTH, rows - row);
        long base = worker * PIECE_ROWS * stagingPitch;
        moves.transpose(
                dtype,
                inside.memory(),
                inside.at(row, column),
                inside.rowBytes(),
                height,
                width,
                staging,
                base,
                stagingPitch);
        for (int i = 0; i < width; i++) {
            loops.load(dtype, staging, base + i * stagingPitch, scratch.a, 0, height);
            to.deliver(scratch, column + i, row, height);
        }
    }

    private long firstElement(int band) {
        return Math.min(rows * columns, (long) band * BAND_ELEMENTS);
    }

    private double sumOfSquares(float[] values, int count) {
        float sum = loops.sumOfSquares(values, 0, count);
        if (sum >= LEAST_SAFE && sum <= MOST_SAFE) {
            return sum;
        }
        double exact = 0;
        for (int i = 0; i < count; i++) {
            exact += (double) values[i] * values[i];
        }
        return exact;
    }
}
