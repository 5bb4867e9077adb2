package dev.halcyon.checkpoint;

import org.jspecify.annotations.Nullable;

/// A checkpoint on disk is missing, damaged or of a kind that this module does not read.
///
/// The message is one sentence of the form `<file>: <problem>; <remedy>`. Text that came from the
/// file is quoted, escaped and shortened in it, so that a hostile name can neither flood nor forge
/// a log.
public final class CheckpointException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public CheckpointException(String source, String problem, String remedy) {
        this(source, problem, remedy, null);
    }

    public CheckpointException(
            String source, String problem, String remedy, @Nullable Throwable cause) {
        super(source + ": " + problem + "; " + remedy, cause);
    }
}
