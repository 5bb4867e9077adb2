package dev.halcyon.backend.cpu.vector;

import static dev.halcyon.backend.cpu.vector.Lanes.COUNT;
import static dev.halcyon.backend.cpu.vector.Lanes.FLOATS;

import dev.halcyon.backend.cpu.loops.MatrixLoops;

import jdk.incubator.vector.FloatVector;

/// Adds the sums of a run along k, as a tile has left them, to results.
final class TileSums {
    /// A place in every tile that no sum uses: there are at most 8 rows of two vectors.
    static final int UNUSED = MatrixLoops.TILE_FLOATS - 1;

    private TileSums() {}

    /// Adds `rows` rows of two vectors each.
    ///
    /// @param tile sums, rows one after the other
    static void add(int rows, float[] tile, float[] out, int outAt, int outPitch) {
        for (int i = 0; i < rows; i++) {
            int from = i * 2 * COUNT;
            int to = outAt + i * outPitch;
            FloatVector.fromArray(FLOATS, out, to)
                    .add(FloatVector.fromArray(FLOATS, tile, from))
                    .intoArray(out, to);
            FloatVector.fromArray(FLOATS, out, to + COUNT)
                    .add(FloatVector.fromArray(FLOATS, tile, from + COUNT))
                    .intoArray(out, to + COUNT);
        }
    }
}
