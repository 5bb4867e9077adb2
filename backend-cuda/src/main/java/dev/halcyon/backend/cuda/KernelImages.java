package dev.halcyon.backend.cuda;

import dev.halcyon.backend.cuda.driver.CudaDriver;
import dev.halcyon.backend.cuda.driver.CudaDriverException;
import dev.halcyon.backend.cuda.driver.CudaResult;
import dev.halcyon.backend.cuda.kernels.KernelFunctions;
import dev.halcyon.hal.error.BackendUnavailableException;
import dev.halcyon.hal.error.Failure;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/// The device code of `native/cuda`, loaded from the first image that the driver takes: machine
/// code where the build had nvcc, else PTX that the driver compiles.
///
/// *Threads.* Usable from any thread.
final class KernelImages implements KernelFunctions {
    private static final String FOLDER = "/META-INF/halcyon/cuda/";
    private static final List<String> IMAGES = List.of("kernels.fatbin", "kernels_sm80.ptx");

    private final CudaContext context;
    private final String image;
    private final long module;
    private final Map<String, Long> functions = new ConcurrentHashMap<>();

    private KernelImages(CudaContext context, String image, long module) {
        this.context = context;
        this.image = image;
        this.module = module;
    }

    /// {@return the first image that loads}
    ///
    /// @throws BackendUnavailableException saying what came of each
    static KernelImages load(CudaContext context) {
        List<String> refused = new ArrayList<>();
        String remedy = "update the NVIDIA driver to 525 or later, or build with nvcc on the path";
        for (String name : IMAGES) {
            byte[] bytes = read(name);
            if (bytes.length == 0) {
                refused.add(name + " is not in the jar");
                continue;
            }
            try (Arena arena = Arena.ofConfined()) {
                // One zero byte more, for PTX is text that ends with one.
                MemorySegment memory = arena.allocate(bytes.length + 1L, 64);
                memory.asSlice(0, bytes.length).copyFrom(MemorySegment.ofArray(bytes));
                CudaDriver driver = context.enter("load kernels");
                return new KernelImages(context, name, driver.loadModule(memory));
            } catch (CudaDriverException failed) {
                if (!failed.result().asksForAnotherImage()) {
                    throw context.failure("load " + name, failed);
                }
                refused.add(
                        name
                                + ": "
                                + CudaResult.describe(failed.code())
                                + " ("
                                + failed.text()
                                + ")");
                remedy = remedy(failed.result(), remedy);
            }
        }
        throw new BackendUnavailableException(
                Failure.of(
                        context.device(),
                        "load kernels",
                        "no image of the kernels runs here: " + String.join("; ", refused),
                        remedy));
    }

    private static String remedy(CudaResult result, String otherwise) {
        return switch (result) {
            case JIT_COMPILER_NOT_FOUND ->
                    "install libnvidia-ptxjitcompiler.so.1 of the driver's version; in a container,"
                            + " start it with NVIDIA_DRIVER_CAPABILITIES=compute,utility";
            case JIT_COMPILATION_DISABLED -> "unset CUDA_DISABLE_PTX_JIT";
            default -> otherwise;
        };
    }

    private static byte[] read(String name) {
        try (InputStream resource = KernelImages.class.getResourceAsStream(FOLDER + name)) {
            return resource == null ? new byte[0] : resource.readAllBytes();
        } catch (IOException unreadable) {
            throw new UncheckedIOException("cannot read " + name, unreadable);
        }
    }

    /// {@return the file it was loaded from}
    String image() {
        return image;
    }

    @Override
    public long find(String name) {
        Long known = functions.get(name);
        if (known != null) {
            return known;
        }
        long function = context.ask("find " + name, driver -> driver.function(module, name));
        functions.put(name, function);
        return function;
    }

    void close() {
        context.release(driver -> driver.unloadModule(module));
    }
}
