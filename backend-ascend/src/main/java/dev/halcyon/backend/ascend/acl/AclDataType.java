package dev.halcyon.backend.ascend.acl;

/// Element types of CANN: `aclDataType`.
public enum AclDataType {
    /// binary32.
    FLOAT(0, 4),
    /// binary16.
    FLOAT16(1, 2),
    /// 8-bit integer.
    INT8(2, 1),
    /// 32-bit integer.
    INT32(3, 4),
    /// Unsigned byte.
    UINT8(4, 1),
    /// 16-bit integer.
    INT16(6, 2),
    /// 64-bit integer.
    INT64(9, 8),
    /// binary64.
    DOUBLE(11, 8),
    /// One byte, 0 or 1.
    BOOL(12, 1),
    /// bfloat16.
    BF16(27, 2),
    /// 4-bit integer, two a byte.
    INT4(29, 0),
    /// OCP E5M2; CANN 8.2 or later.
    FLOAT8_E5M2(35, 1),
    /// OCP E4M3; CANN 8.2 or later.
    FLOAT8_E4M3FN(36, 1),
    /// A power of two; CANN 8.2 or later.
    FLOAT8_E8M0(37, 1),
    /// 4-bit E2M1, two a byte; CANN 8.2 or later.
    FLOAT4_E2M1(40, 0);

    private final int value;
    private final int bytes;

    AclDataType(int value, int bytes) {
        this.value = value;
        this.bytes = bytes;
    }

    /// {@return CANN's number of the type}
    public int value() {
        return value;
    }

    /// {@return bytes of an element, 0 if it is smaller than one}
    public int bytes() {
        return bytes;
    }
}
