package dev.halcyon.checkpoint;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/// Whole small files, refused when they are missing, special or larger than they have any reason to
/// be.
final class BoundedFile {
    private BoundedFile() {}

    static byte[] read(Path path, int mostBytes) {
        String source = path.toString();
        if (!Files.isRegularFile(path)) {
            throw new CheckpointException(
                    source,
                    Files.exists(path) ? "is not a regular file" : "does not exist",
                    "check the path");
        }
        try (InputStream in = Files.newInputStream(path)) {
            byte[] bytes = in.readNBytes(mostBytes + 1);
            if (bytes.length > mostBytes) {
                throw new CheckpointException(
                        source,
                        "is larger than " + mostBytes + " bytes",
                        "this is not the file it should be");
            }
            return bytes;
        } catch (IOException e) {
            throw new CheckpointException(
                    source, "cannot be read: " + e, "check its permissions and the disk", e);
        }
    }
}
