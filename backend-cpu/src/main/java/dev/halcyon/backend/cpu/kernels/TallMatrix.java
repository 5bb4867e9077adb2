package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.backend.cpu.loops.RowLoops;
import dev.halcyon.backend.cpu.parallel.WorkerPool;
import dev.halcyon.hal.kernel.optimizer.NewtonSchulz;
import dev.halcyon.hal.memory.DType;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// The matrix of a Newton-Schulz iteration, kept with its longer side as rows: what goes in is
/// transposed if it is wide, and transposed back where it goes out.
///
/// All passes run over bands of rows whose size depends on the shape alone, and so does the order
/// in which the squares of the norm are added up.
final class TallMatrix {
    /// Side of the squares that a transposition moves through a thread's scratch.
    private static final int TILE = 32;

    /// Elements of a band: some microseconds of work.
    private static final int BAND_ELEMENTS = 1 << 14;

    /// Sums of squares of a stretch beyond these may have lost elements to underflow, or
    /// overflowed.
    private static final float LEAST_SAFE = 0x1p-80f;

    private static final float MOST_SAFE = 0x1p+120f;

    /// Exponents of a factor that a float holds with all its digits.
    private static final int MOST_EXPONENT = 120;

    private final RowLoops loops;
    private final WorkerPool pool;
    private final NewtonSchulz spec;
    private final DType dtype;
    private final boolean wide;
    private final Rows inside;
    private final long rows;
    private final int columns;
    private final long bandRows;
    private final int bands;
    private final double[] squares;
    private final WorkerPool.Task loadBand = this::loadBand;
    private final WorkerPool.Task scaleBand = this::scaleBand;
    private final WorkerPool.Task storeBand = this::storeBand;
    private Rows outside;
    private float coarse;
    private float fine;

    /// Makes a matrix in native memory.
    TallMatrix(CpuContext context, NewtonSchulz spec, MemorySegment memory, long offset) {
        this.loops = context.rows();
        this.pool = context.pool();
        this.spec = spec;
        this.dtype = spec.compute();
        this.wide = spec.columns() > spec.rows() && spec.rows() > 1;
        this.rows = spec.longSide();
        this.columns = spec.shortSide();
        this.inside = new Rows(dtype, memory, offset, dtype.bytes(columns), rows);
        this.outside = inside;
        this.bandRows = TILE * Math.ceilDiv(BAND_ELEMENTS, (long) TILE * columns);
        this.bands = Math.toIntExact(Math.ceilDiv(rows, bandRows));
        this.squares = new double[bands];
    }

    /// Takes the elements of a contiguous matrix, rounded to the type of this one.
    void load(Rows from) {
        outside = from;
        pool.run(bands, loadBand);
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

    /// Gives the elements to a contiguous matrix, rounded to its type.
    void store(Rows to) {
        outside = to;
        pool.run(bands, storeBand);
    }

    private void loadBand(int band, int worker) {
        squares[band] = wide ? loadTransposed(band) : loadStraight(band);
    }

    private double loadStraight(int band) {
        float[] values = Scratch.get().a;
        double sum = 0;
        long end = firstRow(band + 1) * columns;
        for (long from = firstRow(band) * columns; from < end; from += Scratch.LENGTH) {
            int count = (int) Math.min(Scratch.LENGTH, end - from);
            outside.load(loops, 0, from, values, 0, count);
            inside.store(loops, values, 0, count, 0, from);
            if (dtype != DType.F32) {
                inside.load(loops, 0, from, values, 0, count);
            }
            sum += sumOfSquares(values, count);
        }
        return sum;
    }

    private double loadTransposed(int band) {
        Scratch scratch = Scratch.get();
        double sum = 0;
        long end = firstRow(band + 1);
        for (int column = 0; column < columns; column += TILE) {
            int width = Math.min(TILE, columns - column);
            for (long row = firstRow(band); row < end; row += TILE) {
                int height = (int) Math.min(TILE, end - row);
                for (int i = 0; i < width; i++) {
                    outside.load(loops, column + i, row, scratch.a, i * TILE, height);
                }
                if (width < TILE) {
                    // The sum of squares runs over the whole square.
                    Arrays.fill(scratch.b, 0);
                }
                transpose(scratch.a, width, height, scratch.b);
                for (int i = 0; i < height; i++) {
                    inside.store(loops, scratch.b, i * TILE, width, row + i, column);
                    if (dtype != DType.F32) {
                        inside.load(loops, row + i, column, scratch.b, i * TILE, width);
                    }
                }
                sum += sumOfSquares(scratch.b, height * TILE);
            }
        }
        return sum;
    }

    private void scaleBand(int band, int worker) {
        float[] values = Scratch.get().a;
        long end = firstRow(band + 1) * columns;
        for (long from = firstRow(band) * columns; from < end; from += Scratch.LENGTH) {
            int count = (int) Math.min(Scratch.LENGTH, end - from);
            inside.load(loops, 0, from, values, 0, count);
            if (coarse != 1) {
                loops.scale(coarse, values, 0, count);
            }
            loops.scale(fine, values, 0, count);
            inside.store(loops, values, 0, count, 0, from);
        }
    }

    private void storeBand(int band, int worker) {
        if (wide) {
            storeTransposed(band);
            return;
        }
        float[] values = Scratch.get().a;
        long end = firstRow(band + 1) * columns;
        for (long from = firstRow(band) * columns; from < end; from += Scratch.LENGTH) {
            int count = (int) Math.min(Scratch.LENGTH, end - from);
            inside.load(loops, 0, from, values, 0, count);
            outside.store(loops, values, 0, count, 0, from);
        }
    }

    private void storeTransposed(int band) {
        Scratch scratch = Scratch.get();
        long end = firstRow(band + 1);
        for (int column = 0; column < columns; column += TILE) {
            int width = Math.min(TILE, columns - column);
            for (long row = firstRow(band); row < end; row += TILE) {
                int height = (int) Math.min(TILE, end - row);
                for (int i = 0; i < height; i++) {
                    inside.load(loops, row + i, column, scratch.a, i * TILE, width);
                }
                transpose(scratch.a, height, width, scratch.b);
                for (int i = 0; i < width; i++) {
                    outside.store(loops, scratch.b, i * TILE, height, column + i, row);
                }
            }
        }
    }

    private long firstRow(int band) {
        return Math.min(rows, band * bandRows);
    }

    /// Both squares have rows of [#TILE] elements.
    private static void transpose(float[] from, int height, int width, float[] to) {
        for (int i = 0; i < height; i++) {
            for (int j = 0; j < width; j++) {
                to[j * TILE + i] = from[i * TILE + j];
            }
        }
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
