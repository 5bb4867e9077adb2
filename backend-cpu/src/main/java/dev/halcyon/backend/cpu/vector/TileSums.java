package dev.halcyon.backend.cpu.vector;

import static dev.halcyon.backend.cpu.vector.Lanes.COUNT;
import static dev.halcyon.backend.cpu.vector.Lanes.FLOATS;

import jdk.incubator.vector.FloatVector;

/// Adds the sums of a run along k, as a tile has left them, to results.
final class TileSums {
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
