package dev.halcyon.backend.cpu.vector;

import java.lang.foreign.MemorySegment;

/// Makes the JVM know every kind of memory segment before it compiles the first loop.
///
/// While native memory is the only kind, C2 compiles calls on segments as if it were the only one
/// ever; with the first segment over a Java array, or the first mapped file, it throws all of that
/// code away at once, the loops over vectors included. That moment comes in every program: the
/// Vector API itself makes such a segment when the interpreter runs a conversion.
final class SegmentKinds {
    private static final String MAPPED = "jdk.internal.foreign.MappedMemorySegmentImpl";

    private SegmentKinds() {}

    static void load() {
        MemorySegment overArray = MemorySegment.ofArray(new byte[Long.BYTES]);
        overArray.fill((byte) 0);
        try {
            Class.forName(MAPPED, true, null);
        } catch (ClassNotFoundException otherName) {
            // Another JVM, whose mapped segments then cost one more compilation.
        }
    }
}
