package dev.halcyon.bench.ceiling;

import java.lang.foreign.MemorySegment;

/// The two loops in Java that ceilings are measured with.
public interface CeilingLoops {
    /// {@return a name for the report}
    String label();

    /// Does independent F32 multiply-adds in registers.
    ///
    /// @param rounds how often
    /// @return how many floating-point operations that were
    double multiplyAdds(int rounds);

    /// {@return the bytes that a round of [#read] takes from each of its four places}
    int readBytes();

    /// Reads from four places a round.
    ///
    /// @param from the first place
    /// @param apart from each place to the next
    /// @param step what every place moves on by after a round
    /// @param rounds how often
    /// @return something that depends on all that was read
    float read(MemorySegment memory, long from, long apart, long step, long rounds);

    /// {@return the loops on the Vector API where it is, in plain Java elsewhere}
    static CeilingLoops best() {
        if (ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent()) {
            try {
                return Class.forName("dev.halcyon.bench.ceiling.VectorCeilingLoops")
                        .asSubclass(CeilingLoops.class)
                        .getDeclaredConstructor()
                        .newInstance();
            } catch (ReflectiveOperationException missing) {
                throw new LinkageError("the vector loops are missing from the jar", missing);
            }
        }
        return new ScalarCeilingLoops();
    }
}
