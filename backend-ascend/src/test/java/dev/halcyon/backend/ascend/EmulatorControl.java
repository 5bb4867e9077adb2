package dev.halcyon.backend.ascend;

import dev.halcyon.backend.ascend.acl.DynamicLibrary;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.List;

/// The emulator's own interface, by which a test asks what it saw.
public final class EmulatorControl {
    private final DynamicLibrary library;
    private final DynamicLibrary facade;

    private EmulatorControl(DynamicLibrary library, DynamicLibrary facade) {
        this.library = library;
        this.facade = facade;
    }

    /// {@return the control of a root}
    public static EmulatorControl of(EmulatorRoot root) {
        return new EmulatorControl(
                open(root, "libhalcyon_ascend_emulator.so"), open(root, "libascendcl.so"));
    }

    private static DynamicLibrary open(EmulatorRoot root, String name) {
        DynamicLibrary.Opened opened =
                DynamicLibrary.open(root.path().resolve("lib64").resolve(name).toString());
        return opened.library().orElseThrow(() -> new IllegalStateException(opened.message()));
    }

    private MethodHandle bind(String name, FunctionDescriptor type) {
        return Linker.nativeLinker().downcallHandle(library.find(name).orElseThrow(), type);
    }

    /// {@return the rules that were broken so far, one line each}
    public List<String> violations() {
        return lines("emu_report");
    }

    /// {@return the operators that were launched so far, in order}
    public List<String> launches() {
        return lines("emu_launches");
    }

    private List<String> lines(String function) {
        MethodHandle report =
                bind(
                        function,
                        FunctionDescriptor.of(
                                ValueLayout.JAVA_LONG, ValueLayout.ADDRESS, ValueLayout.JAVA_LONG));
        try (Arena arena = Arena.ofConfined()) {
            long bytes = (long) report.invokeExact(MemorySegment.NULL, 0L);
            MemorySegment text = arena.allocate(Math.max(1, bytes));
            long written = (long) report.invokeExact(text, text.byteSize());
            return written == 0 ? List.of() : text.getString(0).lines().toList();
        } catch (Throwable failure) {
            throw new AssertionError(failure);
        }
    }

    /// Changes a setting.
    public void configure(String key, String value) {
        MethodHandle configure =
                bind(
                        "emu_configure",
                        FunctionDescriptor.of(
                                ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.ADDRESS));
        try (Arena arena = Arena.ofConfined()) {
            int status =
                    (int) configure.invokeExact(arena.allocateFrom(key), arena.allocateFrom(value));
            if (status != 0) {
                throw new IllegalArgumentException(key + "=" + value + " gives " + status);
            }
        } catch (RuntimeException refused) {
            throw refused;
        } catch (Throwable failure) {
            throw new AssertionError(failure);
        }
    }

    /// {@return a counter of the emulator, -1 if it has none of that name}
    public long count(String name) {
        MethodHandle count =
                bind(
                        "emu_count",
                        FunctionDescriptor.of(ValueLayout.JAVA_LONG, ValueLayout.ADDRESS));
        try (Arena arena = Arena.ofConfined()) {
            return (long) count.invokeExact(arena.allocateFrom(name));
        } catch (Throwable failure) {
            throw new AssertionError(failure);
        }
    }

    /// Forgets what was broken and launched, and faults that did not happen yet.
    public void clear() {
        try {
            bind("emu_clear", FunctionDescriptor.ofVoid()).invokeExact();
        } catch (Throwable failure) {
            throw new AssertionError(failure);
        }
    }

    /// Makes it as new, with its default settings; no device may be open.
    public void reset() {
        status("emu_reset", library);
    }

    /// {@return what is left over when the process gives CANN up, one line each}
    public List<String> finish() {
        clear();
        status("aclFinalize", facade);
        return violations();
    }

    private static void status(String name, DynamicLibrary in) {
        MethodHandle function =
                Linker.nativeLinker()
                        .downcallHandle(
                                in.find(name).orElseThrow(),
                                FunctionDescriptor.of(ValueLayout.JAVA_INT));
        try {
            int status = (int) function.invokeExact();
            if (status != 0) {
                throw new IllegalStateException(name + " gives " + status);
            }
        } catch (RuntimeException refused) {
            throw refused;
        } catch (Throwable failure) {
            throw new AssertionError(failure);
        }
    }
}
