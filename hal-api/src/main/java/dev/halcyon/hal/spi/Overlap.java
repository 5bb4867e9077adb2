package dev.halcyon.hal.spi;

import dev.halcyon.hal.memory.Tensor;

/// Whether two tensors share elements; buffers are compared by identity, as their contract says.
@SuppressWarnings("ReferenceEquality")
final class Overlap {
    private Overlap() {}

    /// {@return whether both are the very same elements}
    static boolean same(Tensor a, Tensor b) {
        if (a.buffer() != b.buffer()
                || a.byteOffset() != b.byteOffset()
                || a.dtype().bits() != b.dtype().bits()
                || a.byteSize() != b.byteSize()) {
            return false;
        }
        return a.isContiguous() && b.isContiguous()
                || a.shape().equals(b.shape()) && sameStrides(a, b);
    }

    /// {@return whether they may share a byte; exact for contiguous tensors and for column ranges
    /// of one matrix}
    static boolean between(Tensor a, Tensor b) {
        if (a.buffer() != b.buffer() || a.elements() == 0 || b.elements() == 0) {
            return false;
        }
        long aEnd = a.byteOffset() + a.byteSize();
        long bEnd = b.byteOffset() + b.byteSize();
        if (aEnd <= b.byteOffset() || bEnd <= a.byteOffset()) {
            return false;
        }
        return !disjointColumns(a, b);
    }

    /// Two views that step through memory with the same row stride and stay inside disjoint column
    /// ranges never meet.
    private static boolean disjointColumns(Tensor a, Tensor b) {
        for (int i = 0; i < a.rank(); i++) {
            long stride = a.dtype().bytes(a.stride(i));
            for (int j = 0; j < b.rank(); j++) {
                if (stride > 0
                        && stride == b.dtype().bytes(b.stride(j))
                        && disjoint(a, b, stride)) {
                    return true;
                }
            }
        }
        return false;
    }

    private static boolean disjoint(Tensor a, Tensor b, long stride) {
        long aSpan = spanWithin(a, stride);
        long bSpan = spanWithin(b, stride);
        long aStart = a.byteOffset() % stride;
        long bStart = b.byteOffset() % stride;
        if (aSpan < 0 || bSpan < 0 || aStart + aSpan > stride || bStart + bSpan > stride) {
            return false;
        }
        return aStart + aSpan <= bStart || bStart + bSpan <= aStart;
    }

    /// {@return the bytes a view covers modulo `stride`, or -1 if its other strides do not nest
    /// inside it}
    private static long spanWithin(Tensor tensor, long stride) {
        long last = 0;
        for (int i = 0; i < tensor.rank(); i++) {
            long bytes = tensor.dtype().bytes(tensor.stride(i));
            if (tensor.dim(i) <= 1 || bytes % stride == 0) {
                continue;
            }
            if (bytes > stride) {
                return -1;
            }
            last += (tensor.dim(i) - 1) * bytes;
        }
        return last + tensor.dtype().bytes(1);
    }

    private static boolean sameStrides(Tensor a, Tensor b) {
        for (int i = 0; i < a.rank(); i++) {
            if (a.dim(i) > 1 && a.stride(i) != b.stride(i)) {
                return false;
            }
        }
        return true;
    }
}
