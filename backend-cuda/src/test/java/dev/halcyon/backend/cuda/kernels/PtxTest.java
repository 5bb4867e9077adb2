package dev.halcyon.backend.cuda.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;

/// The PTX that is kept beside the sources: of these sources, and valid.
class PtxTest {
    private static final Path SOURCES = Path.of("..", "native", "cuda");
    private static final Path PTX =
            Path.of("src", "main", "resources", "META-INF", "halcyon", "cuda", "kernels_sm80.ptx");

    @Test
    void isMadeOfTheseSources() throws IOException, NoSuchAlgorithmException {
        String first = Files.readAllLines(PTX).getFirst();
        assertTrue(
                first.endsWith(" " + hashOfSources()),
                "the sources have changed since the PTX was made; run native/cuda/build.sh --ptx"
                        + " (it needs nvcc) and commit what it makes");
    }

    private static String hashOfSources() throws IOException, NoSuchAlgorithmException {
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        for (String ending : List.of(".cu", ".cuh")) {
            for (Path file : sorted(ending)) {
                digest.update((file.getFileName() + "\n").getBytes(StandardCharsets.UTF_8));
                digest.update(Files.readAllBytes(file));
            }
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    private static List<Path> sorted(String ending) throws IOException {
        try (Stream<Path> files = Files.list(SOURCES)) {
            return files.filter(file -> file.toString().endsWith(ending)).sorted().toList();
        }
    }

    @Test
    void asksForNoLaterDriverThanTheOldest() throws IOException {
        assertEquals(".version 7.0", Files.readAllLines(PTX).get(1));
    }

    /// What the driver will do on a machine without machine code in the jar.
    @Test
    void compilesForTheGenerationsOfGpus() throws IOException, InterruptedException {
        for (String architecture : List.of("sm_80", "sm_90")) {
            PtxCompiler.compileOrSkip(Files.readString(PTX), architecture);
        }
    }

    @Test
    void isRefusedWhenItIsWrong() throws IOException, InterruptedException {
        String broken = Files.readString(PTX).replaceFirst("ret;", "rett;");
        assertTrue(
                PtxCompiler.errorsOrSkip(broken, "sm_80").contains("rett"),
                "the compiler took an instruction that does not exist");
    }
}
