package dev.halcyon.backend.cpu.memory;

import dev.halcyon.hal.host.HostPages;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Locale;
import java.util.Optional;

/// Memory in pages of 2 MiB, where the operating system is Linux and the JVM allows native access.
///
/// A stream over weights crosses into another page every 4 KiB otherwise, where the processor's
/// prefetcher stops. The advice must come before the memory is touched, and an FFM arena touches
/// what it allocates; so this maps memory itself.
@SuppressWarnings("restricted")
public final class LargePages implements HostPages {
    private static final long PAGE = 2L << 20;

    private static final int READ_WRITE = 3;
    private static final int PRIVATE_ANONYMOUS_UNRESERVED = 0x4022;
    private static final int ADVICE_LARGE_PAGES = 14;
    private static final long FAILED = -1;

    private final MethodHandle map =
            bind(
                    "mmap",
                    FunctionDescriptor.of(
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_INT,
                            ValueLayout.JAVA_INT,
                            ValueLayout.JAVA_INT,
                            ValueLayout.JAVA_LONG));
    private final MethodHandle unmap =
            bind(
                    "munmap",
                    FunctionDescriptor.of(
                            ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));
    private final MethodHandle advise =
            bind(
                    "madvise",
                    FunctionDescriptor.of(
                            ValueLayout.JAVA_INT,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_INT));

    private LargePages() {}

    /// {@return large pages, or the usual ones where there are none}
    public static HostPages orUsual() {
        boolean linux =
                System.getProperty("os.name", "").toLowerCase(Locale.ROOT).contains("linux")
                        && ValueLayout.ADDRESS.byteSize() == Long.BYTES;
        return linux && LargePages.class.getModule().isNativeAccessEnabled()
                ? new LargePages()
                : USUAL;
    }

    private static MethodHandle bind(String name, FunctionDescriptor descriptor) {
        Linker linker = Linker.nativeLinker();
        return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), descriptor);
    }

    @Override
    public Optional<MemorySegment> reserve(Arena arena, long bytes) {
        try {
            long length = Math.addExact(bytes, PAGE);
            long start =
                    (long)
                            map.invokeExact(
                                    0L, length, READ_WRITE, PRIVATE_ANONYMOUS_UNRESERVED, -1, 0L);
            if (start == FAILED) {
                return Optional.empty();
            }
            long aligned = Math.ceilDiv(start, PAGE) * PAGE;
            // A refusal leaves usual pages, which are as good as the arena's.
            int ignored = (int) advise.invokeExact(aligned, bytes, ADVICE_LARGE_PAGES);
            return Optional.of(
                    MemorySegment.ofAddress(aligned)
                            .reinterpret(bytes, arena, _ -> release(start, length)));
        } catch (RuntimeException | Error failed) {
            throw failed;
        } catch (Throwable impossible) {
            throw new AssertionError("system calls declare no checked exception", impossible);
        }
    }

    private void release(long start, long length) {
        try {
            int ignored = (int) unmap.invokeExact(start, length);
        } catch (Throwable impossible) {
            throw new AssertionError("munmap does not throw", impossible);
        }
    }
}
