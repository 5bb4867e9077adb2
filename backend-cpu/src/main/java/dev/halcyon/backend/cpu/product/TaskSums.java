package dev.halcyon.backend.cpu.product;

import dev.halcyon.backend.cpu.loops.MatrixLoops;

import java.util.Arrays;

/// The F32 sums of the task that a thread is at.
///
/// They are Java arrays (see [dev.halcyon.backend.cpu.loops.MatrixLoops]), which no workspace can
/// hold, and one set a thread serves all launches: a set a launch would cost an engine with
/// hundreds of them more than its activations.
final class TaskSums {
    private static final ThreadLocal<TaskSums> OF_THREAD = ThreadLocal.withInitial(TaskSums::new);

    private float[] results = {};
    private float[] partials = {};
    private final float[] tile = new float[MatrixLoops.TILE_FLOATS];
    private float[] kept = {};
    private float[] scales = {};
    private final long[] bands = new long[MatrixLoops.WEIGHT_ROWS];

    private TaskSums() {}

    /// {@return the calling thread's arrays, with room for at least as many sums}
    static TaskSums ofThread(int resultCount, int partialCount) {
        TaskSums sums = OF_THREAD.get();
        if (sums.results.length < resultCount) {
            sums.results = new float[resultCount];
        }
        if (sums.partials.length < partialCount) {
            sums.partials = new float[partialCount];
        }
        return sums;
    }

    /// {@return results, `[rows][columns of a task]`}
    float[] results() {
        return results;
    }

    /// {@return sums of one tile over a run along k}
    float[] tile() {
        return tile;
    }

    /// {@return partial sums of tiles along k, `[rows][weight rows][lanes]`}
    float[] partials() {
        return partials;
    }

    /// {@return results of an earlier product of the same task, `[rows][columns of a task]`}
    float[] kept(int resultCount) {
        if (kept.length < resultCount) {
            kept = new float[resultCount];
        }
        return kept;
    }

    /// Makes every band a new one.
    void forgetBands() {
        Arrays.fill(bands, -1);
    }

    /// {@return whether the scales of a row of the tile are of another band than this}
    boolean isNewBand(int number, long band) {
        boolean isNew = bands[number] != band;
        bands[number] = band;
        return isNew;
    }

    /// {@return the scales of the tile's rows of a weight}
    float[] scales(int count) {
        if (scales.length < count) {
            scales = new float[count];
        }
        return scales;
    }
}
