package dev.halcyon.bench.ceiling;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Locale;
import java.util.Optional;

/// Memory in pages of 2 MiB, with which a processor reads up to a fifth faster.
///
/// Linux gives them to memory that was asked for with `madvise` before it was touched, and an FFM
/// arena touches what it allocates; so this maps memory itself.
@SuppressWarnings("restricted")
final class LargePages {
    private static final long PAGE = 2L << 20;

    private static final int PROT_READ_WRITE = 3;
    private static final int MAP_PRIVATE_ANONYMOUS = 0x22;
    private static final int MADV_HUGEPAGE = 14;
    private static final long MAP_FAILED = -1;

    private static final MemoryLayout PTR = ValueLayout.ADDRESS;
    private static final MemoryLayout LONG = ValueLayout.JAVA_LONG;
    private static final MemoryLayout INT = ValueLayout.JAVA_INT;

    private LargePages() {}

    /// {@return memory that lives as long as the arena; empty on other systems and where native
    /// access is denied}
    static Optional<MemorySegment> allocate(Arena arena, long bytes) {
        if (!System.getProperty("os.name").toLowerCase(Locale.ROOT).contains("linux")
                || !LargePages.class.getModule().isNativeAccessEnabled()) {
            return Optional.empty();
        }
        MethodHandle map =
                function("mmap", FunctionDescriptor.of(LONG, PTR, LONG, INT, INT, INT, LONG));
        MethodHandle unmap = function("munmap", FunctionDescriptor.of(INT, LONG, LONG));
        MethodHandle advise = function("madvise", FunctionDescriptor.of(INT, LONG, LONG, INT));
        try {
            long length = bytes + PAGE;
            long start =
                    (long)
                            map.invokeExact(
                                    MemorySegment.NULL,
                                    length,
                                    PROT_READ_WRITE,
                                    MAP_PRIVATE_ANONYMOUS,
                                    -1,
                                    0L);
            if (start == MAP_FAILED) {
                return Optional.empty();
            }
            long aligned = Math.ceilDiv(start, PAGE) * PAGE;
            boolean taken = (int) advise.invokeExact(aligned, bytes, MADV_HUGEPAGE) == 0;
            MemorySegment memory =
                    MemorySegment.ofAddress(aligned)
                            .reinterpret(bytes, arena, _ -> release(unmap, start, length));
            return taken ? Optional.of(memory) : Optional.empty();
        } catch (Throwable impossible) {
            throw new AssertionError("system calls do not throw", impossible);
        }
    }

    private static void release(MethodHandle unmap, long start, long length) {
        try {
            int ignored = (int) unmap.invokeExact(start, length);
            assert ignored == 0 : "munmap answered " + ignored;
        } catch (Throwable impossible) {
            throw new AssertionError("system calls do not throw", impossible);
        }
    }

    private static MethodHandle function(String name, FunctionDescriptor signature) {
        Linker linker = Linker.nativeLinker();
        return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), signature);
    }
}
