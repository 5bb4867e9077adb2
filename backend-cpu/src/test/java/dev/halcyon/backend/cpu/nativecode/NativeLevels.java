package dev.halcyon.backend.cpu.nativecode;

import org.junit.jupiter.api.Assumptions;

import java.util.Arrays;
import java.util.stream.Stream;

/// The levels that tests of native kernels run at: all that the machine has.
///
/// In a JVM whose loops are narrower than 512 bits there are none, because it can have one width.
public final class NativeLevels {
    private NativeLevels() {}

    /// {@return the levels; says which are skipped, and aborts the test if all are}
    public static Stream<NativeLevel> present() {
        String isa = System.getProperty("halcyon.cpu.isa", "auto");
        if (!isa.equals("auto") && !isa.equals("512")) {
            Assumptions.abort("native kernels run beside loops of 512 bits, not " + isa);
        }
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
