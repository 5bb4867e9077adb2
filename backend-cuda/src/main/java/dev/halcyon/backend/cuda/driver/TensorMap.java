package dev.halcyon.backend.cuda.driver;

import java.util.Arrays;

/// What a tile descriptor of the hardware's copy engine says, without interleaving: a matrix of up
/// to five dimensions in device memory, innermost first, and the box of it that one copy moves.
///
/// Source of limits and numbers: CUDA driver API manual, `cuTensorMapEncodeTiled`.
///
/// @param element type of the elements
/// @param address device address, a multiple of 16
/// @param dims elements in each dimension, at most 2^32 each
/// @param strides bytes from one to the next in every dimension but the innermost, multiples of 16
/// @param box elements that a copy takes in each dimension, at most 256
/// @param swizzle how a row of the box is permuted in shared memory
public record TensorMap(
        Element element, long address, long[] dims, long[] strides, int[] box, Swizzle swizzle) {
    /// Bytes of a descriptor.
    public static final int BYTES = 128;

    private static final int MOST_DIMS = 5;
    private static final int MOST_BOX = 256;
    private static final int STEP_BYTES = 16;

    /// Element types.
    public enum Element {
        /// Bytes, also for 8-bit floating point.
        U8(0, 1),
        /// Half precision.
        F16(6, 2),
        /// Single precision.
        F32(7, 4),
        /// BF16.
        BF16(9, 2);

        private final int number;
        private final int bytes;

        Element(int number, int bytes) {
            this.number = number;
            this.bytes = bytes;
        }

        int number() {
            return number;
        }
    }

    /// Permutations of 16-byte pieces that keep the banks of shared memory apart.
    public enum Swizzle {
        /// As it lies.
        NONE(0, Integer.MAX_VALUE),
        /// Within 32 bytes.
        BYTES_32(1, 32),
        /// Within 64 bytes.
        BYTES_64(2, 64),
        /// Within 128 bytes, what the matrix units of Hopper read.
        BYTES_128(3, 128);

        private final int number;
        private final int span;

        Swizzle(int number, int span) {
            this.number = number;
            this.span = span;
        }

        int number() {
            return number;
        }
    }

    /// Checks what the driver would refuse without saying why.
    public TensorMap {
        dims = dims.clone();
        strides = strides.clone();
        box = box.clone();
        require(dims.length >= 1 && dims.length <= MOST_DIMS, "1 to 5 dimensions", dims.length);
        require(strides.length == dims.length - 1, "a stride less than dimensions", strides.length);
        require(box.length == dims.length, "as many box sizes as dimensions", box.length);
        require(address % STEP_BYTES == 0, "an address that is a multiple of 16", address);
        for (long dim : dims) {
            require(dim >= 1 && dim <= 1L << 32, "1 to 2^32 elements a dimension", dim);
        }
        for (long stride : strides) {
            require(
                    stride > 0 && stride % STEP_BYTES == 0 && stride < 1L << 40,
                    "strides that are multiples of 16 bytes below 2^40",
                    stride);
        }
        for (int size : box) {
            require(size >= 1 && size <= MOST_BOX, "boxes of 1 to 256 elements", size);
        }
        long rowBytes = (long) box[0] * element.bytes;
        require(rowBytes % STEP_BYTES == 0, "box rows that are multiples of 16 bytes", rowBytes);
        require(rowBytes <= swizzle.span, "box rows no longer than the swizzle", rowBytes);
    }

    private static void require(boolean isSo, String what, long value) {
        if (!isSo) {
            throw new IllegalArgumentException("a tensor map takes " + what + ", not " + value);
        }
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof TensorMap map
                && element == map.element
                && address == map.address
                && Arrays.equals(dims, map.dims)
                && Arrays.equals(strides, map.strides)
                && Arrays.equals(box, map.box)
                && swizzle == map.swizzle;
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(dims) * 31 + Long.hashCode(address);
    }

    @Override
    public String toString() {
        return "TensorMap[%s, %s of %s, %s]"
                .formatted(element, Arrays.toString(box), Arrays.toString(dims), swizzle);
    }
}
