package dev.halcyon.hal.memory;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;

/// An immutable typed view of a [Buffer]: element type, shape and strides.
///
/// Strides count elements. Slicing shares memory; nothing here copies or allocates device memory. A
/// tensor is stale as soon as its buffer is.
public final class Tensor implements Operand {
    private final Buffer buffer;
    private final long byteOffset;
    private final DType dtype;
    private final Shape shape;
    private final long[] strides;
    private final boolean contiguous;

    private Tensor(Buffer buffer, long byteOffset, DType dtype, Shape shape, long[] strides) {
        this.buffer = Objects.requireNonNull(buffer, "buffer");
        this.byteOffset = byteOffset;
        this.dtype = Objects.requireNonNull(dtype, "dtype");
        this.shape = shape;
        this.strides = strides;
        this.contiguous = isContiguous(shape, strides);
    }

    /// {@return a contiguous view of `buffer` that begins `byteOffset` bytes in}
    ///
    /// @throws IllegalArgumentException if the view does not fit the buffer, its start is not
    ///   aligned to the element size, or a packed 4-bit type has an odd last dimension
    public static Tensor of(Buffer buffer, long byteOffset, DType dtype, Shape shape) {
        long bytes = bytes(dtype, shape);
        if (byteOffset < 0 || byteOffset > buffer.byteSize() - bytes) {
            throw new IllegalArgumentException(
                    dtype
                            + " "
                            + shape
                            + " needs "
                            + bytes
                            + " bytes at offset "
                            + byteOffset
                            + ", the buffer has "
                            + buffer.byteSize());
        }
        if (byteOffset % dtype.alignment() != 0) {
            throw new IllegalArgumentException(
                    "offset "
                            + byteOffset
                            + " is not a multiple of the "
                            + dtype.alignment()
                            + " bytes of "
                            + dtype
                            + "; copy the data to an aligned place");
        }
        long[] strides = rowMajorStrides(shape);
        checkPacked(dtype, shape, strides);
        return new Tensor(buffer, byteOffset, dtype, shape, strides);
    }

    private static long bytes(DType dtype, Shape shape) {
        try {
            return dtype.bytes(shape.elements());
        } catch (ArithmeticException overflow) {
            throw new IllegalArgumentException(
                    dtype + " " + shape + " has more bytes than a long can count", overflow);
        }
    }

    /// Rows of packed elements begin and end with a byte, so that a row can be copied without its
    /// neighbour.
    private static void checkPacked(DType dtype, Shape shape, long[] strides) {
        if (dtype.isPacked()
                && shape.rank() > 0
                && shape.elements() > 0
                && strides[strides.length - 1] == 1
                && shape.dim(-1) % 2 != 0) {
            throw new IllegalArgumentException(
                    dtype
                            + " packs two elements a byte; the last dimension of "
                            + shape
                            + " is odd; pad it to an even number");
        }
    }

    private static long[] rowMajorStrides(Shape shape) {
        long[] strides = new long[shape.rank()];
        long stride = 1;
        for (int i = strides.length - 1; i >= 0; i--) {
            strides[i] = stride;
            stride *= Math.max(1, shape.dim(i));
        }
        return strides;
    }

    private static boolean isContiguous(Shape shape, long[] strides) {
        long stride = 1;
        for (int i = strides.length - 1; i >= 0; i--) {
            if (shape.dim(i) != 1 && strides[i] != stride) {
                return shape.elements() == 0;
            }
            stride *= shape.dim(i);
        }
        return true;
    }

    /// {@return the buffer that holds the elements}
    public Buffer buffer() {
        return buffer;
    }

    /// {@return where the first element begins, in bytes from the start of the buffer}
    public long byteOffset() {
        return byteOffset;
    }

    /// {@return the element type}
    public DType dtype() {
        return dtype;
    }

    @Override
    public Shape shape() {
        return shape;
    }

    @Override
    public WeightFormat format() {
        return WeightFormat.rowMajor(dtype);
    }

    /// {@return the extent of dimension `index`; negative indices count from the innermost}
    public long dim(int index) {
        return shape.dim(index);
    }

    /// {@return the number of dimensions}
    public int rank() {
        return shape.rank();
    }

    /// {@return the number of elements}
    public long elements() {
        return shape.elements();
    }

    /// {@return elements between neighbours of dimension `index`; negative indices count from the
    /// innermost}
    public long stride(int index) {
        int at = index < 0 ? index + strides.length : index;
        return strides[at];
    }

    /// {@return whether the elements lie in row-major order without gaps}
    public boolean isContiguous() {
        return contiguous;
    }

    /// {@return the bytes from the first element to the end of the last one, gaps of a strided view
    /// included}
    public long byteSize() {
        if (shape.elements() == 0) {
            return 0;
        }
        long last = 0;
        for (int i = 0; i < strides.length; i++) {
            last += (shape.dim(i) - 1) * strides[i];
        }
        return dtype.bytes(last + 1);
    }

    /// {@return the arena that owns the memory}
    public DeviceArena arena() {
        return buffer.arena();
    }

    /// {@return whether the memory is still this tensor's}
    public boolean isAlive() {
        return buffer.isAlive();
    }

    /// {@return the device address of the first element}
    ///
    /// @throws IllegalStateException if the tensor is stale
    public long address() {
        return buffer.address() + byteOffset;
    }

    /// {@return the bytes of this view, from its first element}
    ///
    /// @throws IllegalStateException if the tensor is stale
    /// @throws UnsupportedOperationException if the memory is not visible to the host
    public MemorySegment segment() {
        // A slice of an empty tensor may begin beyond its buffer, where there is nothing to see.
        return elements() == 0
                ? buffer.segment().asSlice(0, 0)
                : buffer.segment().asSlice(byteOffset, byteSize());
    }

    /// {@return entries `from` (inclusive) to `to` (exclusive) of dimension `dim`, sharing memory}
    ///
    /// @throws IndexOutOfBoundsException if the range is not inside the dimension
    /// @throws IllegalArgumentException if a row of packed elements would begin or end in the
    ///   middle of a byte
    public Tensor slice(int dim, long from, long to) {
        int at = dim < 0 ? dim + shape.rank() : dim;
        Objects.checkFromToIndex(from, to, shape.dim(at));
        long[] dims = shape.toArray();
        dims[at] = to - from;
        return view(from * strides[at], Shape.of(dims), strides.clone());
    }

    /// {@return entry `index` of the outermost dimension, with that dimension dropped}
    ///
    /// @throws IndexOutOfBoundsException if there is no such entry
    public Tensor get(long index) {
        if (shape.rank() == 0) {
            throw new IndexOutOfBoundsException("a scalar has no entries");
        }
        Objects.checkIndex(index, shape.dim(0));
        long[] dims = shape.toArray();
        return view(
                index * strides[0],
                Shape.of(Arrays.copyOfRange(dims, 1, dims.length)),
                Arrays.copyOfRange(strides, 1, strides.length));
    }

    /// {@return the same elements in another shape}
    ///
    /// @throws IllegalArgumentException if the number of elements differs, the tensor is not
    ///   contiguous, or a packed 4-bit type would have an odd last dimension
    public Tensor reshape(long... dims) {
        Shape wanted = Shape.of(dims);
        if (wanted.elements() != elements() || !contiguous) {
            throw new IllegalArgumentException(
                    "cannot view "
                            + (contiguous ? "" : "strided ")
                            + dtype
                            + " "
                            + shape
                            + " as "
                            + wanted);
        }
        return of(buffer, byteOffset, dtype, wanted);
    }

    /// {@return the same bytes with another element type and shape}
    ///
    /// @throws IllegalArgumentException if the number of bytes differs, the tensor is not
    ///   contiguous or the start is not aligned for the type
    public Tensor reinterpret(DType other, Shape wanted) {
        if (!contiguous || bytes(other, wanted) != byteSize()) {
            throw new IllegalArgumentException(
                    "cannot read "
                            + (contiguous ? "" : "strided ")
                            + dtype
                            + " "
                            + shape
                            + " ("
                            + byteSize()
                            + " bytes) as "
                            + other
                            + " "
                            + wanted);
        }
        return of(buffer, byteOffset, other, wanted);
    }

    /// {@return the view with dimensions `a` and `b` exchanged, sharing memory}
    public Tensor transpose(int a, int b) {
        int i = a < 0 ? a + shape.rank() : a;
        int j = b < 0 ? b + shape.rank() : b;
        long[] dims = shape.toArray();
        long[] swapped = strides.clone();
        long dim = dims[i];
        dims[i] = dims[j];
        dims[j] = dim;
        swapped[i] = strides[j];
        swapped[j] = strides[i];
        return view(0, Shape.of(dims), swapped);
    }

    /// {@return the view with a dimension of extent 1 inserted before dimension `at`, sharing
    /// memory}
    ///
    /// @throws IndexOutOfBoundsException if `at` is not between 0 and the rank
    public Tensor unsqueeze(int at) {
        Objects.checkIndex(at, shape.rank() + 1);
        long[] dims = new long[shape.rank() + 1];
        long[] wider = new long[shape.rank() + 1];
        for (int i = 0; i < dims.length; i++) {
            dims[i] = i == at ? 1 : shape.dim(i < at ? i : i - 1);
            wider[i] = i < at ? strides[i] : i == at ? spanBefore(at) : strides[i - 1];
        }
        return view(0, Shape.of(dims), wider);
    }

    private long spanBefore(int at) {
        return at < strides.length ? strides[at] * Math.max(1, shape.dim(at)) : 1;
    }

    private Tensor view(long elementOffset, Shape viewShape, long[] viewStrides) {
        // A view without elements begins where this one does: the end of an empty range may lie
        // behind the buffer.
        if (viewShape.elements() == 0) {
            return new Tensor(buffer, byteOffset, dtype, viewShape, viewStrides);
        }
        if (dtype.isPacked() && elementOffset % 2 != 0) {
            throw new IllegalArgumentException(
                    "element "
                            + elementOffset
                            + " of "
                            + dtype
                            + " "
                            + shape
                            + " begins in the middle of a byte");
        }
        checkPacked(dtype, viewShape, viewStrides);
        long bytes = dtype.isPacked() ? elementOffset / 2 : elementOffset * (dtype.bits() / 8);
        return new Tensor(buffer, byteOffset + bytes, dtype, viewShape, viewStrides);
    }

    /// {@return type, shape and state, for messages}
    @Override
    public String toString() {
        return dtype
                + " "
                + shape
                + (contiguous ? "" : " strides " + Arrays.toString(strides))
                + (isAlive() ? "" : " (stale)");
    }
}
