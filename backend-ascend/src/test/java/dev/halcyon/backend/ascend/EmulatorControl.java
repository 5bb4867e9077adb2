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

    private EmulatorControl(DynamicLibrary library) {
        this.library = library;
    }

    /// {@return the control of a root}
    public static EmulatorControl of(EmulatorRoot root) {
        String path = root.path().resolve("lib64/libhalcyon_ascend_emulator.so").toString();
        DynamicLibrary.Opened opened = DynamicLibrary.open(path);
        return new EmulatorControl(
                opened.library().orElseThrow(() -> new IllegalStateException(opened.message())));
    }

    private MethodHandle bind(String name, FunctionDescriptor type) {
        return Linker.nativeLinker().downcallHandle(library.find(name).orElseThrow(), type);
    }

    /// {@return the rules that were broken so far, one line each}
    public List<String> violations() {
        MethodHandle report =
                bind(
                        "emu_report",
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
}
