package dev.halcyon.backend.ascend.acl;

/// Storage formats of CANN: `aclFormat`.
public enum AclFormat {
    /// Plain dimensions.
    ND(2),
    /// Blocks of 16 rows by 32 bytes, for the matrix unit.
    FRACTAL_NZ(29);

    private final int value;

    AclFormat(int value) {
        this.value = value;
    }

    /// {@return CANN's number of the format}
    public int value() {
        return value;
    }
}
