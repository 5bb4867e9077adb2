package dev.halcyon.bench.result;

import org.jspecify.annotations.Nullable;

import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.json.JsonMapper;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/// What one run of the benchmark found out.
///
/// @param machine where it ran, and that machine's ceilings
/// @param results the rows
/// @param notRun cases without a row, and why
/// @param absentPeers peers that could not take part, and why
public record BenchFile(
        Machine machine, List<Result> results, List<Absence> notRun, List<Absence> absentPeers) {
    private static final JsonMapper JSON =
            JsonMapper.builder().disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES).build();

    public BenchFile {
        results = List.copyOf(results);
        notRun = notRun == null ? List.of() : List.copyOf(notRun);
        absentPeers = absentPeers == null ? List.of() : List.copyOf(absentPeers);
    }

    /// Something that is missing, and why.
    ///
    /// @param name the case with its suite, or the peer
    /// @param device the device it is missing on, or null for a peer
    /// @param reason why
    public record Absence(String name, @Nullable String device, String reason) {}

    /// {@return the file's contents}
    ///
    /// @throws IllegalArgumentException if it cannot be read or is no such file
    public static BenchFile read(Path file) {
        try {
            BenchFile read = JSON.readValue(Files.readString(file), BenchFile.class);
            if (read.machine == null) {
                throw new IllegalArgumentException(
                        file + " has no machine; is it a file of halcyon bench --json?");
            }
            return read;
        } catch (IOException | JacksonException | NullPointerException unreadable) {
            throw new IllegalArgumentException(
                    "cannot read "
                            + file
                            + " as results of halcyon bench --json: "
                            + unreadable.getMessage(),
                    unreadable);
        }
    }

    /// Writes it as JSON.
    public void write(Path file) {
        try {
            Path folder = file.toAbsolutePath().getParent();
            if (folder != null) {
                Files.createDirectories(folder);
            }
            Files.writeString(
                    file, JSON.writerWithDefaultPrettyPrinter().writeValueAsString(this) + "\n");
        } catch (IOException unwritable) {
            throw new UncheckedIOException("cannot write " + file, unwritable);
        }
    }
}
