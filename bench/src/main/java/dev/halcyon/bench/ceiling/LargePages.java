package dev.halcyon.bench.ceiling;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Locale;

/// Asks Linux for pages of 2 MiB, with which a processor reads memory up to a fifth faster.
final class LargePages {
    /// Their size, and the alignment that memory needs to get them.
    static final long BYTES = 2L << 20;

    private static final int MADV_HUGEPAGE = 14;

    private LargePages() {}

    /// {@return whether the system took the advice; false on other systems and where native access
    /// is denied}
    @SuppressWarnings("restricted")
    static boolean advise(MemorySegment memory) {
        if (!System.getProperty("os.name").toLowerCase(Locale.ROOT).contains("linux")
                || !LargePages.class.getModule().isNativeAccessEnabled()) {
            return false;
        }
        Linker linker = Linker.nativeLinker();
        var madvise = linker.defaultLookup().find("madvise");
        if (madvise.isEmpty()) {
            return false;
        }
        FunctionDescriptor signature =
                FunctionDescriptor.of(
                        ValueLayout.JAVA_INT,
                        ValueLayout.ADDRESS,
                        ValueLayout.JAVA_LONG,
                        ValueLayout.JAVA_INT);
        try {
            return (int)
                            linker.downcallHandle(madvise.get(), signature)
                                    .invokeExact(memory, memory.byteSize(), MADV_HUGEPAGE)
                    == 0;
        } catch (Throwable refused) {
            throw new AssertionError("madvise does not throw", refused);
        }
    }
}
