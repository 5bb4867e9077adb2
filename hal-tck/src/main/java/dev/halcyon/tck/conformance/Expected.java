package dev.halcyon.tck.conformance;

import java.util.Arrays;
import java.util.BitSet;

/// What a kernel must write to one operand, and where that is specified.
///
/// @param values row-major; anything where nothing is specified
/// @param open elements that a kernel may leave at any value
@SuppressWarnings("ArrayRecordComponent")
public record Expected(double[] values, BitSet open) {
    /// {@return values that are all specified}
    public static Expected of(double[] values) {
        return new Expected(values, new BitSet());
    }

    /// {@return whole numbers that are all specified}
    public static Expected of(int[] values) {
        return of(Arrays.stream(values).asDoubleStream().toArray());
    }

    /// {@return values of `rows` rows of `width` elements of which the first `live` rows are
    /// specified}
    ///
    /// @param values of all rows, or of the live ones
    public static Expected ofRows(double[] values, int rows, int live, int width) {
        BitSet open = new BitSet();
        open.set(live * width, rows * width);
        return new Expected(Arrays.copyOf(values, rows * width), open);
    }

    /// {@return these values with rows of `width` elements left open where `unclear` says so}
    public Expected except(BitSet unclear, int width) {
        BitSet more = (BitSet) open.clone();
        unclear.stream().forEach(row -> more.set(row * width, (row + 1) * width));
        return new Expected(values, more);
    }
}
