package dev.halcyon.tck.conformance;

import dev.halcyon.hal.memory.Shape;

/// The values of an operand on the host, exact, whatever the element type on the device.
///
/// Block-scaled operands are held as the products of their values and scales, lists as one stack,
/// and the pages of a cache as rows.
///
/// @param shape the logical shape
/// @param values row-major
@SuppressWarnings("ArrayRecordComponent")
public record HostTensor(Shape shape, double[] values) {
    public HostTensor {
        if (shape.elements() != values.length) {
            throw new IllegalArgumentException(
                    "shape " + shape + " does not hold " + values.length + " values");
        }
    }

    /// {@return values with these extents}
    public static HostTensor of(double[] values, long... dims) {
        return new HostTensor(Shape.of(dims), values);
    }

    /// {@return whole numbers with these extents}
    public static HostTensor of(int[] values, long... dims) {
        double[] wide = new double[values.length];
        for (int i = 0; i < wide.length; i++) {
            wide[i] = values[i];
        }
        return of(wide, dims);
    }

    /// {@return one extent; negative indices count from the innermost}
    public int dim(int index) {
        return Math.toIntExact(shape.dim(index));
    }

    /// {@return the values as whole numbers}
    public int[] ints() {
        int[] narrow = new int[values.length];
        for (int i = 0; i < narrow.length; i++) {
            narrow[i] = (int) values[i];
        }
        return narrow;
    }
}
