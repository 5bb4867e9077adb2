package dev.halcyon.backend.cuda.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;

import jcuda.nvptxcompiler.JNvPTXCompiler;
import jcuda.nvptxcompiler.nvPTXCompilerHandle;

import org.junit.jupiter.api.Assumptions;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/// Compiles PTX without a GPU, and without optimizing, which takes a minute and asks nothing more
/// of the PTX: by the compiler that JCuda brings, on the class path, or by the toolkit's ptxas.
final class PtxCompiler {
    private PtxCompiler() {}

    /// Fails unless the PTX compiles; without a compiler, the test is skipped aloud.
    static void compileOrSkip(String ptx, String architecture)
            throws IOException, InterruptedException {
        assertEquals("", errorsOrSkip(ptx, architecture), architecture);
    }

    /// {@return what the compiler complains of, empty if nothing}
    static String errorsOrSkip(String ptx, String architecture)
            throws IOException, InterruptedException {
        if (!PtxCompiler.class.getModule().isNamed()
                && System.getProperty("os.arch").equals("amd64")) {
            return WithJCuda.errors(ptx, architecture);
        }
        return ptxas(ptx, architecture);
    }

    private static String ptxas(String ptx, String architecture)
            throws IOException, InterruptedException {
        Path folder = Files.createTempDirectory("halcyon-ptx");
        try {
            Path source = Files.writeString(folder.resolve("kernels.ptx"), ptx);
            Path result = folder.resolve("kernels.cubin");
            Process process =
                    new ProcessBuilder(
                                    "ptxas",
                                    "-arch=" + architecture,
                                    "-O0",
                                    "-o",
                                    result.toString(),
                                    source.toString())
                            .redirectErrorStream(true)
                            .start();
            String said = new String(process.getInputStream().readAllBytes());
            Files.deleteIfExists(result);
            Files.delete(source);
            return process.waitFor() == 0 ? "" : said;
        } catch (IOException absent) {
            String message =
                    "no PTX compiler: ptxas is not on the path, and JCuda's needs the"
                            + " class path";
            System.out.println("SKIPPED: " + message);
            Assumptions.abort(message);
            return message;
        } finally {
            Files.deleteIfExists(folder.resolve("kernels.ptx"));
            Files.deleteIfExists(folder);
        }
    }

    /// Apart, so that its classes are not looked for on the module path.
    private static final class WithJCuda {
        static {
            // JCuda takes whatever lies under its fixed name in the shared folder.
            String usual = System.getProperty("java.io.tmpdir");
            try {
                Path own = Files.createTempDirectory("halcyon-ptx-compiler");
                own.toFile().deleteOnExit();
                System.setProperty("java.io.tmpdir", own.toString());
                JNvPTXCompiler.setExceptionsEnabled(false);
                try (var files = Files.list(own)) {
                    files.forEach(file -> file.toFile().deleteOnExit());
                }
            } catch (IOException failed) {
                throw new ExceptionInInitializerError(failed);
            } finally {
                System.setProperty("java.io.tmpdir", usual);
            }
        }

        static String errors(String ptx, String architecture) {
            byte[] text = (ptx + "\0").getBytes(StandardCharsets.US_ASCII);
            nvPTXCompilerHandle compiler = new nvPTXCompilerHandle();
            assertEquals(0, JNvPTXCompiler.nvPTXCompilerCreate(compiler, text.length, text));
            String[] options = {"--gpu-name=" + architecture, "--opt-level=0"};
            int code = JNvPTXCompiler.nvPTXCompilerCompile(compiler, options.length, options);
            String said = "";
            if (code != 0) {
                long[] size = new long[1];
                JNvPTXCompiler.nvPTXCompilerGetErrorLogSize(compiler, size);
                byte[] log = new byte[(int) size[0] + 1];
                JNvPTXCompiler.nvPTXCompilerGetErrorLog(compiler, log);
                said = "code " + code + ": " + new String(log, StandardCharsets.US_ASCII).trim();
            }
            JNvPTXCompiler.nvPTXCompilerDestroy(compiler);
            return said;
        }
    }
}
