package dev.halcyon.hal.memory;

import java.util.Arrays;

/// The extent of a tensor in each dimension, outermost first; rank 0 is a scalar and an extent of 0
/// is legal.
public final class Shape {
    private final long[] dims;
    private final long elements;

    private Shape(long[] dims) {
        this.dims = dims;
        // Without the zeros, so that strides cannot overflow either and the order of the extents
        // does not matter.
        long product = 1;
        boolean empty = false;
        for (long dim : dims) {
            if (dim < 0) {
                throw new IllegalArgumentException(
                        "shape " + Arrays.toString(dims) + " has a negative extent");
            }
            empty |= dim == 0;
            try {
                product = Math.multiplyExact(product, Math.max(1, dim));
            } catch (ArithmeticException overflow) {
                throw new IllegalArgumentException(
                        "shape "
                                + Arrays.toString(dims)
                                + " has more elements than a long can count",
                        overflow);
            }
        }
        this.elements = empty ? 0 : product;
    }

    /// {@return the shape with these extents}
    ///
    /// @throws IllegalArgumentException if an extent is negative or the product of those above 0
    ///   overflows a `long`
    public static Shape of(long... dims) {
        return new Shape(dims.clone());
    }

    /// {@return the number of dimensions}
    public int rank() {
        return dims.length;
    }

    /// {@return the extent of dimension `index`; a negative index counts from the innermost, -1
    /// being the last}
    ///
    /// @throws IndexOutOfBoundsException if there is no such dimension
    public long dim(int index) {
        int at = index < 0 ? index + dims.length : index;
        if (at < 0 || at >= dims.length) {
            throw new IndexOutOfBoundsException("dimension " + index + " of " + this);
        }
        return dims[at];
    }

    /// {@return the number of elements: the product of the extents, 1 for a scalar}
    public long elements() {
        return elements;
    }

    /// {@return the extents as a new array}
    public long[] toArray() {
        return dims.clone();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Shape that && Arrays.equals(dims, that.dims);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(dims);
    }

    /// {@return the extents in brackets, for messages: `[2, 3]`}
    @Override
    public String toString() {
        return Arrays.toString(dims);
    }
}
