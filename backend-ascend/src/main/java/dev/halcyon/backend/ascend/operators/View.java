package dev.halcyon.backend.ascend.operators;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import java.util.Arrays;

/// A typed, strided look at device memory, as an operator takes it.
///
/// The storage begins at a multiple of 64 bytes and the first element lies `offset` elements behind
/// it, because CANN wants aligned storage and takes the rest as an offset.
///
/// @param type element type
/// @param base address of the storage, or [#FAULT_WORD]
/// @param offset of the first element, in elements
/// @param dims extents
/// @param strides in elements
public record View(AclDataType type, long base, long offset, long[] dims, long[] strides) {
    /// Stands for the address of the fault counter of whatever stream or graph the call is issued
    /// to.
    public static final long FAULT_WORD = -64;

    /// Stands for an address while a kernel is only planned.
    private static final long UNBOUND = 1L << 56;

    private static final long ALIGNMENT = 64;

    /// {@return a view of device memory}
    ///
    /// @param address of the first element, a multiple of the element size
    public static View at(long address, AclDataType type, long... dims) {
        return new View(
                type,
                address - address % ALIGNMENT,
                address % ALIGNMENT / type.bytes(),
                dims.clone(),
                rowMajor(dims));
    }

    /// {@return the elements of a tensor of whole bytes; codes of 8-bit floats as plain bytes}
    ///
    /// @throws IllegalArgumentException if it is host memory, which operators cannot read
    public static View of(Tensor tensor) {
        if (tensor.buffer().isHostVisible()) {
            throw new IllegalArgumentException(
                    tensor
                            + " is host memory, which operators cannot read; copy it into an arena"
                            + " of device memory");
        }
        long[] dims = tensor.shape().toArray();
        long[] strides = new long[dims.length];
        for (int i = 0; i < dims.length; i++) {
            strides[i] = tensor.stride(i);
        }
        AclDataType type = typeOf(tensor.dtype());
        long address = tensor.elements() == 0 ? UNBOUND : tensor.address();
        return new View(
                type,
                address - address % ALIGNMENT,
                address % ALIGNMENT / type.bytes(),
                dims,
                strides);
    }

    /// {@return a view without memory, to plan with}
    public static View unbound(AclDataType type, long... dims) {
        return at(UNBOUND, type, dims);
    }

    /// {@return a view without memory, to plan with}
    public static View unbound(DType dtype, long... dims) {
        return unbound(typeOf(dtype), dims);
    }

    /// {@return the counter of bad indices of the stream or graph that the call is issued to}
    public static View faultWord() {
        return new View(AclDataType.INT32, FAULT_WORD, 0, new long[] {1}, new long[] {1});
    }

    /// {@return CANN's type for elements of whole bytes}
    ///
    /// 8-bit floats are bytes: most products lack them, and their values are looked up in a table.
    public static AclDataType typeOf(DType dtype) {
        return switch (dtype) {
            case F64 -> AclDataType.DOUBLE;
            case F32 -> AclDataType.FLOAT;
            case F16 -> AclDataType.FLOAT16;
            case BF16 -> AclDataType.BF16;
            case I64 -> AclDataType.INT64;
            case I32 -> AclDataType.INT32;
            case I8 -> AclDataType.INT8;
            case U8, F8_E4M3, F8_E5M2, F8_E8M0 -> AclDataType.UINT8;
            case F4_E2M1, I4 ->
                    throw new IllegalArgumentException(
                            dtype + " has no elements of whole bytes; view its bytes");
        };
    }

    private static long[] rowMajor(long[] dims) {
        long[] strides = new long[dims.length];
        long stride = 1;
        for (int i = dims.length - 1; i >= 0; i--) {
            strides[i] = stride;
            stride *= Math.max(1, dims[i]);
        }
        return strides;
    }

    /// {@return whether it stands for an operand that a plan does not know yet}
    boolean isUnbound() {
        return base == UNBOUND;
    }

    /// {@return the number of dimensions}
    public int rank() {
        return dims.length;
    }

    /// {@return an extent; negative numbers count from the last}
    public long dim(int index) {
        return dims[index < 0 ? index + dims.length : index];
    }

    /// {@return the number of elements}
    public long elements() {
        long count = 1;
        for (long dim : dims) {
            count *= dim;
        }
        return count;
    }

    /// {@return elements of the storage from its base to the last of the view}
    public long storageElements() {
        long last = offset;
        for (int i = 0; i < dims.length; i++) {
            last += Math.max(0, dims[i] - 1) * strides[i];
        }
        return last + 1;
    }

    /// {@return whether the elements lie one behind the other}
    public boolean isContiguous() {
        long stride = 1;
        for (int i = dims.length - 1; i >= 0; i--) {
            if (dims[i] != 1 && strides[i] != stride) {
                return elements() == 0;
            }
            stride *= dims[i];
        }
        return true;
    }

    /// {@return whether both are the very same elements}
    public boolean isSameAs(View other) {
        return base == other.base && offset == other.offset && Arrays.equals(dims, other.dims);
    }

    /// {@return entries `from` to `to - 1` along a dimension}
    public View slice(int dim, long from, long to) {
        int at = dim < 0 ? dim + dims.length : dim;
        long[] narrower = dims.clone();
        narrower[at] = to - from;
        return new View(type, base, offset + from * strides[at], narrower, strides.clone());
    }

    /// {@return one entry of the first dimension}
    public View get(long index) {
        return new View(
                type,
                base,
                offset + index * strides[0],
                Arrays.copyOfRange(dims, 1, dims.length),
                Arrays.copyOfRange(strides, 1, strides.length));
    }

    /// {@return the same elements with two dimensions exchanged}
    public View transpose(int a, int b) {
        int i = a < 0 ? a + dims.length : a;
        int j = b < 0 ? b + dims.length : b;
        long[] swappedDims = dims.clone();
        long[] swappedStrides = strides.clone();
        swappedDims[i] = dims[j];
        swappedDims[j] = dims[i];
        swappedStrides[i] = strides[j];
        swappedStrides[j] = strides[i];
        return new View(type, base, offset, swappedDims, swappedStrides);
    }

    /// {@return the same elements with a dimension of one entry more}
    public View unsqueeze(int at) {
        long[] wider = new long[dims.length + 1];
        long[] widerStrides = new long[dims.length + 1];
        for (int i = 0; i < wider.length; i++) {
            wider[i] = i == at ? 1 : dims[i < at ? i : i - 1];
            widerStrides[i] = i == at ? 1 : strides[i < at ? i : i - 1];
        }
        return new View(type, base, offset, wider, widerStrides);
    }

    /// {@return contiguous elements in other dimensions}
    ///
    /// @throws IllegalArgumentException if they are not contiguous
    public View reshape(long... wanted) {
        View reshaped = new View(type, base, offset, wanted.clone(), rowMajor(wanted));
        if (!isContiguous() || reshaped.elements() != elements()) {
            throw new IllegalArgumentException(
                    "cannot view " + this + " as " + Arrays.toString(wanted));
        }
        return reshaped;
    }

    /// {@return the same bytes as elements of another type of the same size}
    public View as(AclDataType other) {
        if (other.bytes() != type.bytes()) {
            throw new IllegalArgumentException("cannot read " + this + " as " + other);
        }
        return new View(other, base, offset, dims, strides);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof View view
                && type == view.type
                && isSameAs(view)
                && Arrays.equals(strides, view.strides);
    }

    @Override
    public int hashCode() {
        return Long.hashCode(base + offset) + Arrays.hashCode(dims);
    }

    /// {@return type, extents and, if they are not row-major, strides}
    @Override
    public String toString() {
        return type
                + Arrays.toString(dims)
                + (isContiguous() ? "" : "/" + Arrays.toString(strides))
                + (offset == 0 ? "" : "+" + offset);
    }
}
