package dev.halcyon.backend.ascend.operators;

import dev.halcyon.backend.ascend.acl.AclDataType;

/// A number that an operator takes as an argument of its own.
///
/// @param type FLOAT, DOUBLE or INT64
/// @param value the number
public record Scalar(AclDataType type, double value) {
    /// {@return the number in the type that suits tensors of `type`}
    public static Scalar of(AclDataType type, double value) {
        return new Scalar(
                switch (type) {
                    case DOUBLE -> AclDataType.DOUBLE;
                    case FLOAT, FLOAT16, BF16 -> AclDataType.FLOAT;
                    default -> AclDataType.INT64;
                },
                value);
    }
}
