package dev.halcyon.hal.kernel;

import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.TensorList;
import dev.halcyon.hal.memory.WeightFormat;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// Checks for the compact constructors and the `validate` methods of specs, with one wording for
/// all of them: the name, the value, and what was wanted.
public final class Require {
    private Require() {}

    /// {@return `value`, which is at least 1}
    public static int positive(String name, int value) {
        if (value < 1) {
            throw new IllegalArgumentException(name + " must be at least 1, not " + value);
        }
        return value;
    }

    /// {@return `value`, which is at least 0}
    public static int notNegative(String name, int value) {
        if (value < 0) {
            throw new IllegalArgumentException(name + " must not be negative: " + value);
        }
        return value;
    }

    /// {@return `value`, which lies in `min` to `max`, both inclusive}
    public static int between(String name, int value, int min, int max) {
        if (value < min || value > max) {
            throw new IllegalArgumentException(
                    name + " must be between " + min + " and " + max + ", not " + value);
        }
        return value;
    }

    /// {@return `value`, which is a finite number}
    public static double finite(String name, double value) {
        if (!Double.isFinite(value)) {
            throw new IllegalArgumentException(name + " must be a finite number, not " + value);
        }
        return value;
    }

    /// {@return `value`, which is finite and above 0}
    public static double positive(String name, double value) {
        if (!(value > 0) || !Double.isFinite(value)) {
            throw new IllegalArgumentException(
                    name + " must be a finite number above 0, not " + value);
        }
        return value;
    }

    /// {@return `value`, which is one of `allowed`}
    public static DType oneOf(String name, DType value, DType... allowed) {
        List<DType> choice = List.of(allowed);
        if (!choice.contains(value)) {
            throw new IllegalArgumentException(
                    name + " must be one of " + choice + ", not " + value);
        }
        return value;
    }

    /// {@return `value`, which is an element type that activations may have: F64, F32, F16 or BF16}
    public static DType activation(String name, DType value) {
        return oneOf(name, value, DType.F64, DType.F32, DType.F16, DType.BF16);
    }

    /// Throws unless `condition` holds.
    ///
    /// @param message says what is wrong, with the values
    public static void that(boolean condition, String message) {
        if (!condition) {
            throw new IllegalArgumentException(message);
        }
    }

    /// Checks that an optional operand is given exactly when the spec asks for it.
    ///
    /// @param wanted whether the spec asks for it
    public static void given(String name, @Nullable Object operand, boolean wanted) {
        if (wanted && operand == null) {
            throw new IllegalArgumentException(name + " is missing; this spec asks for it");
        }
        if (!wanted && operand != null) {
            throw new IllegalArgumentException(
                    name
                            + " is given, but this spec does not use it; leave it out or plan a"
                            + " spec that does");
        }
    }

    /// Checks a tensor's type and exact shape, and that neighbours of the innermost dimension are
    /// neighbours in memory.
    ///
    /// @param dims the extents; -1 stands for "any"
    public static void tensor(String name, Tensor tensor, DType dtype, long... dims) {
        if (tensor.dtype() != dtype || !matches(tensor.shape(), dims)) {
            throw new IllegalArgumentException(
                    name
                            + " must be "
                            + dtype
                            + " "
                            + Shapes.describe(dims)
                            + ", not "
                            + tensor.dtype()
                            + " "
                            + tensor.shape());
        }
        if (tensor.rank() > 0 && tensor.dim(-1) > 1 && tensor.stride(-1) != 1) {
            throw new IllegalArgumentException(
                    name
                            + " must have stride 1 in its innermost dimension, not "
                            + tensor
                            + "; Copy makes it so");
        }
    }

    /// Checks a tensor that may be absent.
    public static void optional(String name, @Nullable Tensor tensor, DType dtype, long... dims) {
        if (tensor != null) {
            tensor(name, tensor, dtype, dims);
        }
    }

    /// Checks type and shape of a tensor whose first dimension is a row count with an upper bound.
    ///
    /// @return the number of rows it has
    public static long rows(
            String name, Tensor tensor, DType dtype, long maxRows, long... rowDims) {
        long[] dims = new long[rowDims.length + 1];
        dims[0] = -1;
        System.arraycopy(rowDims, 0, dims, 1, rowDims.length);
        tensor(name, tensor, dtype, dims);
        long rows = tensor.dim(0);
        if (rows > maxRows) {
            throw new IllegalArgumentException(
                    name
                            + " has "
                            + rows
                            + " rows, the plan's upper bound is "
                            + maxRows
                            + "; plan a larger bound or pass fewer rows");
        }
        return rows;
    }

    /// Checks that an operand has the format and the logical shape that the spec names, and no
    /// gaps.
    ///
    /// @param dims the extents; -1 stands for "any"
    public static void weight(String name, Operand operand, WeightFormat format, long... dims) {
        if (!operand.format().equals(format)) {
            throw new IllegalArgumentException(
                    name
                            + " must be stored as "
                            + format
                            + ", not "
                            + operand.format()
                            + "; PackWeight converts");
        }
        if (!matches(operand.shape(), dims)) {
            throw new IllegalArgumentException(
                    name
                            + " must have shape "
                            + Shapes.describe(dims)
                            + ", not "
                            + operand.shape());
        }
        Operands.forEachTensor(operand, name, Require::contiguous);
    }

    /// Checks that two row counts that must agree do.
    public static void sameRows(String name, long rows, String other, long otherRows) {
        if (rows != otherRows) {
            throw new IllegalArgumentException(
                    name
                            + " has "
                            + rows
                            + " rows but "
                            + other
                            + " has "
                            + otherRows
                            + "; they must agree");
        }
    }

    /// Checks that a tensor has no gaps.
    public static void contiguous(String name, Tensor tensor) {
        if (!tensor.isContiguous()) {
            throw new IllegalArgumentException(
                    name + " must be contiguous, not " + tensor + "; Copy makes it so");
        }
    }

    /// {@return the elements of a list operand, or the single operand itself}
    public static List<? extends Operand> elements(Operand operand) {
        return operand instanceof TensorList list ? list.elements() : List.of(operand);
    }

    private static boolean matches(Shape shape, long[] dims) {
        if (shape.rank() != dims.length) {
            return false;
        }
        for (int i = 0; i < dims.length; i++) {
            if (dims[i] != -1 && dims[i] != shape.dim(i)) {
                return false;
            }
        }
        return true;
    }

    private static final class Shapes {
        static String describe(long[] dims) {
            StringBuilder text = new StringBuilder("[");
            for (int i = 0; i < dims.length; i++) {
                text.append(i == 0 ? "" : ", ")
                        .append(dims[i] == -1 ? "*" : Long.toString(dims[i]));
            }
            return text.append(']').toString();
        }
    }
}
