package dev.halcyon.backend.cpu.vector;

import dev.halcyon.backend.cpu.loops.Loops;

import jdk.incubator.vector.FloatVector;

/// The set of Vector API loops; the one class of this package that is reached from outside, by
/// name.
public final class VectorLoops {
    private VectorLoops() {}

    /// {@return the widest vectors of this machine in bits}
    public static Integer preferredBits() {
        return FloatVector.SPECIES_PREFERRED.vectorBitSize();
    }

    /// {@return the loops at a width}
    ///
    /// @throws IllegalStateException if this JVM has taken another width before
    public static Loops of(int bits) {
        Width.choose(bits);
        SegmentKinds.load();
        return new Loops(
                Integer.toString(bits),
                new VectorRowLoops(),
                new VectorMatrixLoops(),
                new VectorAttentionLoops());
    }
}
