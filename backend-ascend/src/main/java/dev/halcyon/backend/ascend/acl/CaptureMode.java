package dev.halcyon.backend.ascend.acl;

/// Which threads a capture forbids synchronous calls to: `aclmdlRICaptureMode`.
public enum CaptureMode {
    /// Every thread of the process.
    GLOBAL(0),
    /// The capturing thread alone.
    THREAD_LOCAL(1),
    /// No thread.
    RELAXED(2);

    private final int value;

    CaptureMode(int value) {
        this.value = value;
    }

    int value() {
        return value;
    }
}
