package dev.halcyon.backend.ascend.acl;

/// The CANN version from which on a function exists.
public enum Since {
    /// Every version that the backend supports.
    CANN_8_1("CANN 8.1 or later"),
    /// Absent from 8.1.
    CANN_8_2("CANN 8.2 or later");

    private final String words;

    Since(String words) {
        this.words = words;
    }

    /// {@return the version in words, as in "needs CANN 8.2 or later"}
    public String words() {
        return words;
    }
}
