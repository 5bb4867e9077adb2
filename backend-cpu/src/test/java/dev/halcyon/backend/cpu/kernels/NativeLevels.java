package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.nativecode.NativeLevel;
import dev.halcyon.backend.cpu.nativecode.NativeLibrary;
import dev.halcyon.backend.cpu.nativecode.NativeSupport;

import org.junit.jupiter.api.Assumptions;

import java.util.Arrays;
import java.util.List;

/// The native levels of this machine, as values of `halcyon.cpu.native`.
final class NativeLevels {
    private NativeLevels() {}

    /// {@return those that can run; skips the test aloud if there are none}
    static List<String> present() {
        String isa = System.getProperty("halcyon.cpu.isa", "auto");
        String wanted = System.getProperty("halcyon.cpu.native", "auto");
        String why = "";
        if (!isa.equals("auto") && !isa.equals("512")) {
            why = "halcyon.cpu.isa is " + isa;
        } else if (wanted.equals("false")) {
            why = "halcyon.cpu.native is false";
        } else if (NativeLibrary.support() instanceof NativeSupport.Absent absent) {
            why = absent.describe();
        } else if (NativeLibrary.support() instanceof NativeSupport.Present there) {
            return Arrays.stream(NativeLevel.values())
                    .filter(level -> level.isPresent() && there.best().includes(level))
                    .map(NativeLevel::label)
                    .toList();
        }
        System.out.println("SKIPPED: no native kernels: " + why);
        Assumptions.abort(why);
        return List.of();
    }
}
