package dev.halcyon.backend.cpu.nativecode;

import org.junit.jupiter.api.Assumptions;

import java.util.Arrays;
import java.util.stream.Stream;

/// The levels that tests of native kernels run at: all that the machine has.
public final class NativeLevels {
    private NativeLevels() {}

    /// {@return the levels; says which are skipped, and aborts the test if all are}
    public static Stream<NativeLevel> present() {
        return switch (NativeLibrary.support()) {
            case NativeSupport.Absent absent -> {
                System.out.println("SKIPPED: no native kernels: " + absent.describe());
                Assumptions.abort(absent.describe());
                yield Stream.empty();
            }
            case NativeSupport.Present present ->
                    Arrays.stream(NativeLevel.values())
                            .filter(NativeLevel::isPresent)
                            .filter(
                                    level -> {
                                        boolean runs = present.best().includes(level);
                                        if (!runs) {
                                            System.out.println(
                                                    "SKIPPED: this machine has no "
                                                            + level.label());
                                        }
                                        return runs;
                                    });
        };
    }
}
