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

    /// Reads every 64-byte line of a segment, whose length is a multiple of 4,096.
    ///
    /// @return something that depends on all that was read
    float read(MemorySegment memory, long from, long to);

    /// {@return the loops on the Vector API where it is, in plain Java elsewhere}
    static CeilingLoops best() {
        if (ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent()) {
            try {
                return (CeilingLoops)
                        Class.forName("dev.halcyon.bench.ceiling.VectorCeilingLoops")
                                .getDeclaredConstructor()
                                .newInstance();
            } catch (ReflectiveOperationException missing) {
                throw new LinkageError("the vector loops are missing from the jar", missing);
            }
        }
        return new ScalarCeilingLoops();
    }
}
