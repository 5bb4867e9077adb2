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
    /// Rows that the matrix unit takes at a time.
    static final int BLOCK_ROWS = 16;

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
        return out == operands || out == DType.F32 && writesWide(platform);
    }

    /// `out = a b`, where out has the type of the operands or is FLOAT.
    static void multiply(Composition c, View a, View b, View out) {
        boolean wide = out.type() == AclDataType.FLOAT && a.type() != AclDataType.FLOAT;
        if (wide && !writesWide(c.platform())) {
            c.product(c.as(AclDataType.FLOAT, a), c.as(AclDataType.FLOAT, b), out);
        } else {
            c.product(a, b, out);
        }
    }

    /// `out = a b` of matrices, each row's sums in an order that no other row has a part in.
    ///
    /// CANN chooses its tiles by the shape of a call. Here every call has the shape of one block of
    /// the matrix unit, whatever the number of rows, so the choice is always the same and all rows
    /// of a call go through the same instructions.
    static void multiplyByRows(Composition c, View a, View b, View out) {
        long mark = c.mark();
        boolean wide = out.type() == AclDataType.FLOAT && !writesWide(c.platform());
        View left = wide ? c.as(AclDataType.FLOAT, a) : a;
        View right = wide ? c.as(AclDataType.FLOAT, b) : b;
        View rows = c.scratch(left.type(), BLOCK_ROWS, left.dim(1));
        View sums = c.scratch(out.type(), BLOCK_ROWS, out.dim(1));
        for (long from = 0; from < out.dim(0); from += BLOCK_ROWS) {
            long count = Math.min(BLOCK_ROWS, out.dim(0) - from);
            if (count < BLOCK_ROWS) {
                c.fill(rows, 0);
            }
            c.copy(left.slice(0, from, from + count), rows.slice(0, 0, count));
            c.product(rows, right, sums);
            c.copy(sums.slice(0, 0, count), out.slice(0, from, from + count));
        }
        c.release(mark);
    }

    private static boolean writesWide(Platform platform) {
        return platform.soc().hasBf16() && platform.has(Operator.MATMUL_WEIGHT_NZ);
    }
}
