package dev.halcyon.hal;

/// Bounds that a plan must respect.
///
/// @param workspaceBytes most scratch memory the plan may ask for
public record Limits(long workspaceBytes) {
    /// No bound.
    public static final Limits NONE = new Limits(Long.MAX_VALUE);

    public Limits {
        if (workspaceBytes < 0) {
            throw new IllegalArgumentException(
                    "workspaceBytes must not be negative: " + workspaceBytes);
        }
    }

    /// {@return limits with at most `bytes` of workspace}
    public static Limits workspace(long bytes) {
        return new Limits(bytes);
    }
}
