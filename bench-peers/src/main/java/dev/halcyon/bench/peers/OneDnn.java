package dev.halcyon.bench.peers;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/// The functions of oneDNN's C interface that a matrix product needs, as oneapi/dnnl/dnnl.h
/// declares them in 3.13.
@SuppressWarnings("restricted")
final class OneDnn {
    static final int F32 = 3;
    static final int BF16 = 2;
    static final int ANY_LAYOUT = 1;
    static final int ROW_MAJOR = 3;
    static final int COLUMN_MAJOR = 14;
    static final int ARGUMENT_SOURCE = 1;
    static final int ARGUMENT_WEIGHTS = 33;
    static final int ARGUMENT_DESTINATION = 17;

    private static final int CPU = 1;
    private static final int IN_ORDER = 1;
    private static final int QUERY_WEIGHTS = 131;
    private static final int FORMATS_DIMS = 12;
    private static final int VERSION_INTS = 3;

    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;
    private static final MemoryLayout PTR = ValueLayout.ADDRESS;

    private final Arena arena = Arena.ofShared();
    private final SymbolLookup library;
    private final MethodHandle describe;
    private final MethodHandle memory;
    private final MethodHandle matmul;
    private final MethodHandle reorder;
    private final MethodHandle query;
    private final MethodHandle primitive;
    private final MethodHandle execute;
    private final MethodHandle await;
    private final MethodHandle size;
    private final MemorySegment engine;
    private final MemorySegment stream;

    private OneDnn(Path file) {
        library = SymbolLookup.libraryLookup(file, arena);
        describe = handle("dnnl_memory_desc_create_with_tag", PTR, INT, PTR, INT, INT);
        memory = handle("dnnl_memory_create", PTR, PTR, PTR, PTR);
        matmul = handle("dnnl_matmul_primitive_desc_create", PTR, PTR, PTR, PTR, PTR, PTR, PTR);
        reorder = handle("dnnl_reorder_primitive_desc_create", PTR, PTR, PTR, PTR, PTR, PTR);
        primitive = handle("dnnl_primitive_create", PTR, PTR);
        execute = handle("dnnl_primitive_execute", PTR, PTR, INT, PTR);
        await = handle("dnnl_stream_wait", PTR);
        query =
                returning(
                        FunctionDescriptor.of(ValueLayout.ADDRESS, PTR, INT, INT),
                        "dnnl_primitive_desc_query_md");
        size = returning(FunctionDescriptor.of(LONG, PTR), "dnnl_memory_desc_get_size");
        engine = created(handle("dnnl_engine_create", PTR, INT, LONG), CPU, 0L);
        stream = created(handle("dnnl_stream_create", PTR, PTR, INT), engine, IN_ORDER);
    }

    /// {@return the library, unpacked from its jar}
    static OneDnn load() {
        String platform = System.getProperty("os.arch").equals("amd64") ? "x86_64" : "arm64";
        String os =
                System.getProperty("os.name").toLowerCase(Locale.ROOT).contains("mac")
                        ? "macosx"
                        : "linux";
        String folder = "/org/bytedeco/dnnl/" + os + "-" + platform + "/";
        try {
            Path target = Files.createTempDirectory("halcyon-onednn");
            unpack(folder + "libgomp.so.1", target.resolve("libgomp.so.1"));
            Path library = unpack(folder + "libdnnl.so.3", target.resolve("libdnnl.so.3"));
            // The library asks for its OpenMP by name; loaded first, it is found.
            SymbolLookup.libraryLookup(target.resolve("libgomp.so.1"), Arena.global());
            return new OneDnn(library);
        } catch (IOException unwritable) {
            throw new UncheckedIOException("cannot unpack oneDNN", unwritable);
        }
    }

    private static Path unpack(String resource, Path file) throws IOException {
        try (InputStream stream = OneDnn.class.getResourceAsStream(resource)) {
            if (stream == null) {
                throw new IllegalStateException("the class path has no " + resource);
            }
            Files.copy(stream, file);
            file.toFile().deleteOnExit();
            return file;
        }
    }

    private MethodHandle handle(String name, MemoryLayout... arguments) {
        return returning(FunctionDescriptor.of(INT, arguments), name);
    }

    private MethodHandle returning(FunctionDescriptor signature, String name) {
        return Linker.nativeLinker().downcallHandle(library.findOrThrow(name), signature);
    }

    /// {@return what a function with a status wrote to its first argument}
    private MemorySegment created(MethodHandle function, Object... arguments) {
        MemorySegment slot = arena.allocate(ValueLayout.ADDRESS);
        Object[] all = new Object[arguments.length + 1];
        all[0] = slot;
        System.arraycopy(arguments, 0, all, 1, arguments.length);
        check(call(function, all));
        return slot.get(ValueLayout.ADDRESS, 0);
    }

    private static Object call(MethodHandle function, Object... arguments) {
        try {
            return function.invokeWithArguments(arguments);
        } catch (Throwable failed) {
            throw new IllegalStateException("oneDNN: " + failed.getMessage(), failed);
        }
    }

    private static void check(Object status) {
        if (!status.equals(0)) {
            throw new IllegalStateException("oneDNN answers with status " + status);
        }
    }

    String version() {
        MemorySegment version =
                (MemorySegment)
                        call(returning(FunctionDescriptor.of(ValueLayout.ADDRESS), "dnnl_version"));
        MemorySegment numbers = version.reinterpret(INT.byteSize() * VERSION_INTS);
        return numbers.getAtIndex(INT, 0)
                + "."
                + numbers.getAtIndex(INT, 1)
                + "."
                + numbers.getAtIndex(INT, 2);
    }

    /// {@return the description of a matrix}
    MemorySegment describe(long rows, long columns, int type, int layout) {
        MemorySegment dims = arena.allocate(LONG, FORMATS_DIMS);
        dims.setAtIndex(LONG, 0, rows);
        dims.setAtIndex(LONG, 1, columns);
        return created(describe, 2, dims, type, layout);
    }

    /// {@return memory of that description at an address}
    MemorySegment memory(MemorySegment description, MemorySegment address) {
        return created(memory, description, engine, address);
    }

    /// {@return how many bytes a matrix of that description takes}
    long bytes(MemorySegment description) {
        return (long) call(size, description);
    }

    /// {@return how a product is done}
    MemorySegment matmul(MemorySegment source, MemorySegment weights, MemorySegment destination) {
        return created(
                matmul,
                engine,
                source,
                weights,
                MemorySegment.NULL,
                destination,
                MemorySegment.NULL);
    }

    /// {@return the layout of the weights that a product likes best}
    MemorySegment weights(MemorySegment product) {
        return (MemorySegment) call(query, product, QUERY_WEIGHTS, 0);
    }

    /// {@return something to execute}
    MemorySegment primitive(MemorySegment description) {
        return created(primitive, description);
    }

    /// Copies a matrix into another layout.
    void reorder(
            MemorySegment from,
            MemorySegment fromMemory,
            MemorySegment to,
            MemorySegment toMemory) {
        MemorySegment how = created(reorder, from, engine, to, engine, MemorySegment.NULL);
        execute(
                primitive(how),
                arguments(ARGUMENT_SOURCE, fromMemory, ARGUMENT_DESTINATION, toMemory),
                2);
    }

    /// {@return pairs of an argument's number and its memory}
    MemorySegment arguments(Object... pairs) {
        MemorySegment list = arena.allocate(pairs.length / 2 * 16L, 8);
        for (int i = 0; i < pairs.length; i += 2) {
            list.set(INT, i * 8L, (int) pairs[i]);
            list.set(ValueLayout.ADDRESS, i * 8L + 8, (MemorySegment) pairs[i + 1]);
        }
        return list;
    }

    /// Executes and waits.
    void execute(MemorySegment primitive, MemorySegment arguments, int count) {
        try {
            check((int) execute.invokeExact(primitive, stream, count, arguments));
            check((int) await.invokeExact(stream));
        } catch (RuntimeException failed) {
            throw failed;
        } catch (Throwable impossible) {
            throw new AssertionError("native functions do not throw", impossible);
        }
    }
}
