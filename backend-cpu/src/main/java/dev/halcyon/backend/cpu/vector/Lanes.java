package dev.halcyon.backend.cpu.vector;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

import java.nio.ByteOrder;

/// The species of the chosen width, as constants.
final class Lanes {
    /// Shape of the chosen width.
    static final VectorShape SHAPE = VectorShape.forBitSize(Width.bits());

    /// Floats.
    static final VectorSpecies<Float> FLOATS = VectorSpecies.of(float.class, SHAPE);

    /// Integers, as many as floats.
    static final VectorSpecies<Integer> INTS = VectorSpecies.of(int.class, SHAPE);

    /// Lanes of a float vector.
    static final int COUNT = FLOATS.length();

    /// As many shorts as there are float lanes, at half the width. A 128-bit shape has 64-bit
    /// halves.
    static final VectorSpecies<Short> HALF_SHORTS =
            VectorSpecies.of(short.class, VectorShape.forBitSize(Width.bits() / 2));

    /// Shorts of the full width: pairs of BF16 values, one pair a float lane.
    static final VectorSpecies<Short> SHORTS = VectorSpecies.of(short.class, SHAPE);

    /// Bytes of the full width.
    static final VectorSpecies<Byte> BYTES = VectorSpecies.of(byte.class, SHAPE);

    /// Byte order of every tensor.
    static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;

    /// Exchanges neighbouring lanes, neighbouring pairs of lanes, and so on.
    ///
    /// What adds up lanes does it by these: `reduceLanes` leaves the order of floating-point
    /// additions open, so a result might depend on whether it was interpreted or compiled.
    static final VectorShuffle<Float> SWAP_1 = VectorShuffle.fromOp(FLOATS, i -> i ^ 1);

    static final VectorShuffle<Float> SWAP_2 = VectorShuffle.fromOp(FLOATS, i -> i ^ 2);
    static final VectorShuffle<Float> SWAP_4 = VectorShuffle.fromOp(FLOATS, i -> (i ^ 4) % COUNT);
    static final VectorShuffle<Float> SWAP_8 = VectorShuffle.fromOp(FLOATS, i -> (i ^ 8) % COUNT);

    private Lanes() {}

    /// {@return zero in every lane}
    static FloatVector zero() {
        return FloatVector.zero(FLOATS);
    }
}
