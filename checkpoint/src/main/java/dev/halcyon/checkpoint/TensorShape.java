package dev.halcyon.checkpoint;

import java.util.Arrays;
import java.util.List;

/// The dimensions of a tensor, outermost first; no dimension is a scalar, a zero makes it empty.
///
/// @param dims the dimensions, none negative
public record TensorShape(List<Long> dims) {
    /// @throws IllegalArgumentException if a dimension is negative or their product does not fit a
    ///   `long`
    public TensorShape {
        dims = List.copyOf(dims);
        for (long dim : dims) {
            if (dim < 0) {
                throw new IllegalArgumentException(
                        "dimension " + dim + " of shape " + dims + " is negative");
            }
        }
        try {
            product(dims);
        } catch (ArithmeticException e) {
            throw new IllegalArgumentException(
                    "the element count of shape " + dims + " does not fit 63 bits", e);
        }
    }

    /// The shape with these dimensions.
    public static TensorShape of(long... dims) {
        return new TensorShape(Arrays.stream(dims).boxed().toList());
    }

    /// The number of dimensions.
    public int rank() {
        return dims.size();
    }

    /// Dimension `axis`, counted from the outermost.
    public long dim(int axis) {
        return dims.get(axis);
    }

    /// The number of elements, 1 for a scalar.
    public long elements() {
        return product(dims);
    }

    /// The dimensions as a fresh array.
    public long[] toArray() {
        return dims.stream().mapToLong(Long::longValue).toArray();
    }

    @Override
    public String toString() {
        return dims.toString();
    }

    private static long product(List<Long> dims) {
        long elements = 1;
        for (long dim : dims) {
            elements = Math.multiplyExact(elements, dim);
        }
        return elements;
    }
}
