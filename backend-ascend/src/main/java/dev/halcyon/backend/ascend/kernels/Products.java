package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.acl.Operator;
import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.WeightFormat;
import dev.halcyon.hal.spi.Decision;

import org.jspecify.annotations.Nullable;

/// What the kernels share that multiply matrices.
final class Products {
    private Products() {}

    /// {@return why a product of these types is not possible; null if it is}
    static <A extends KernelArgs> @Nullable Decision<A, AscendWork> refusal(
            Platform platform, DType a, WeightFormat b, DType out, DType accumulate) {
        if (!b.isRowMajor()) {
            return Decision.refused(
                    Support.Reason.FORMAT,
                    "this device has no weight layout \"" + b.layout() + "\"",
                    "row-major weights");
        }
        if (accumulate == DType.F64
                || a == DType.F64
                || b.dtype() == DType.F64
                || out == DType.F64) {
            return Decision.refused(
                    Support.Reason.NUMERICS,
                    "the matrix unit does not compute in F64",
                    "F32 operands and accumulation");
        }
        return Composed.refuseBf16(platform, a, b.dtype(), out);
    }

    /// {@return the type that both sides of a product must have}
    ///
    /// Two equal 16-bit types stay what they are; everything else becomes binary32, which holds all
    /// of their values.
    static AclDataType operandType(DType a, DType b, boolean scaled) {
        return a == b && !scaled && a.bits() == 16 ? View.typeOf(a) : AclDataType.FLOAT;
    }

    /// {@return whether a product of operands of one type can be stored as `out` at once}
    ///
    /// Binary32 from 16-bit operands is documented for the versions alone that have the split
    /// libraries.
    static boolean writes(Platform platform, DType operands, DType out) {
        return out == operands || out == DType.F32 && platform.has(Operator.MATMUL_WEIGHT_NZ);
    }

    /// `out = a b`, where out has the type of the operands or is FLOAT.
    static void multiply(Composition c, View a, View b, View out) {
        boolean wide = out.type() == AclDataType.FLOAT && a.type() != AclDataType.FLOAT;
        if (wide && !c.platform().has(Operator.MATMUL_WEIGHT_NZ)) {
            c.product(c.as(AclDataType.FLOAT, a), c.as(AclDataType.FLOAT, b), out);
        } else {
            c.product(a, b, out);
        }
    }
}
