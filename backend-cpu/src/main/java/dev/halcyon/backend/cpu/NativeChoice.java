package dev.halcyon.backend.cpu;

import dev.halcyon.backend.cpu.nativecode.NativeLevel;
import dev.halcyon.backend.cpu.nativecode.NativeLibrary;
import dev.halcyon.backend.cpu.nativecode.NativeSupport;

/// Which native kernels a device runs, or why none.
///
/// `auto` takes tiles (AMX) wherever they are, and otherwise AVX512-BF16 where its dot products
/// outdo F32: on AMD's processors `vdpbf16ps` multiplies twice as many numbers in a time as F32
/// multiply-adds, on Intel's half as many, so that Java's F32 loops are the faster ones there. A
/// level that is asked for by name runs all the same.
///
/// @param level the level
/// @param isUnwanted whether there are none although nobody asked for that
/// @param detail why there are none, empty if there are
record NativeChoice(NativeLevel level, boolean isUnwanted, String detail) {
    /// {@return the choice for a device with these settings and loops}
    ///
    /// @throws IllegalArgumentException if a level was asked for by name and cannot run
    static NativeChoice of(CpuSettings settings, Isa isa) {
        String wanted = settings.nativeKernels();
        if (wanted.equals(CpuSettings.OFF)) {
            return none(false, "switched off by halcyon.cpu.native=false");
        }
        boolean named = !wanted.equals(CpuSettings.AUTO);
        if (isa != Isa.V512) {
            // Their panels have 32 columns, which is what loops of 512 bits pack.
            if (named) {
                throw new IllegalArgumentException(
                        "halcyon.cpu.native is "
                                + wanted
                                + ", but the loops are "
                                + isa.label()
                                + "; native kernels run beside halcyon.cpu.isa=512 only");
            }
            return none(false, "they run beside vectors of 512 bits only");
        }
        return switch (NativeLibrary.support()) {
            case NativeSupport.Absent absent -> {
                if (named) {
                    throw new IllegalArgumentException(
                            "halcyon.cpu.native is " + wanted + ", but " + absent.describe());
                }
                yield none(isRemediable(absent.reason()), absent.describe());
            }
            case NativeSupport.Present present -> {
                NativeLevel level = named ? NativeLevel.of(wanted) : present.worthwhile();
                if (!level.isPresent()) {
                    yield none(
                            false,
                            "this processor's vdpbf16ps is slower than Java's F32 loops;"
                                    + " halcyon.cpu.native="
                                    + present.best().label()
                                    + " takes it nevertheless");
                }
                if (!present.best().includes(level)) {
                    throw new IllegalArgumentException(
                            "halcyon.cpu.native is "
                                    + level.label()
                                    + ", but this processor and its operating system allow no more"
                                    + " than "
                                    + present.best().label()
                                    + "; ask for that, or auto");
                }
                yield new NativeChoice(level, false, "");
            }
        };
    }

    /// {@return the level, or that there is none and why}
    String describe() {
        return level.isPresent() ? level.label() : "none (" + detail + ")";
    }

    private static NativeChoice none(boolean isUnwanted, String detail) {
        return new NativeChoice(NativeLevel.NONE, isUnwanted, detail);
    }

    private static boolean isRemediable(NativeSupport.Reason reason) {
        return switch (reason) {
            case NO_SUCH_PLATFORM, PROCESSOR_LACKS -> false;
            case NOT_FOUND, NATIVE_ACCESS_DENIED, LOAD_ERROR, VERSION_MISMATCH -> true;
        };
    }
}
