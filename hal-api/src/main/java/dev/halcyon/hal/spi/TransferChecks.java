package dev.halcyon.hal.spi;

import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.Tensor;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;

/// What a stream asks of operands before it copies, fills, reads or writes, the same on every
/// device.
///
/// All checks throw `IllegalArgumentException` with the values and what to do.
public final class TransferChecks {
    private TransferChecks() {}

    /// Requires one type and one shape, and a destination that may be written.
    public static void alike(Tensor destination, Tensor source) {
        if (destination.dtype() != source.dtype() || !destination.shape().equals(source.shape())) {
            throw new IllegalArgumentException(
                    "copy needs one type and shape: destination is "
                            + destination
                            + ", source is "
                            + source
                            + "; Cast converts types");
        }
        writable("copy", destination);
    }

    /// Requires memory that is no mapped file.
    public static void writable(String operation, Tensor destination) {
        if (!destination.buffer().isWritable()) {
            throw new IllegalArgumentException(
                    operation
                            + " into "
                            + destination
                            + ", a mapped file, which cannot be written; use memory of an arena");
        }
    }

    /// Requires a tensor without gaps and a host segment with as many bytes.
    public static void bytes(String operation, Tensor tensor, MemorySegment host) {
        if (!tensor.isContiguous()) {
            throw new IllegalArgumentException(
                    operation + " needs a contiguous tensor, not " + tensor + "; Copy makes it so");
        }
        if (tensor.byteSize() != host.byteSize()) {
            throw new IllegalArgumentException(
                    operation
                            + ": "
                            + tensor
                            + " has "
                            + tensor.byteSize()
                            + " bytes, the host segment "
                            + host.byteSize());
        }
    }

    /// Requires a tensor that may be written and has as many elements as there are values.
    public static void count(Tensor destination, int values) {
        if (destination.elements() != values) {
            throw new IllegalArgumentException(
                    "write: "
                            + destination
                            + " has "
                            + destination.elements()
                            + " elements, got "
                            + values);
        }
        writable("write", destination);
    }

    /// Requires a tensor of integers.
    public static void integer(String operation, Tensor tensor) {
        if (tensor.dtype().isFloatingPoint()) {
            throw new IllegalArgumentException(
                    operation + " of integers needs an integer tensor, not " + tensor);
        }
    }

    /// {@return the number of elements, which an array can hold}
    public static int arrayLength(Tensor source) {
        if (source.elements() > Integer.MAX_VALUE) {
            throw new IllegalArgumentException(
                    "read: "
                            + source
                            + " has more elements than an array; read slices of it, or download its"
                            + " bytes");
        }
        return (int) source.elements();
    }

    /// {@return the number of bytes that a tensor has in a file, which has them from `offset` on
    /// and where an element may begin}
    public static long mappableBytes(FileChannel channel, long offset, DType dtype, Shape shape)
            throws IOException {
        long size = channel.size();
        long bytes;
        try {
            bytes = dtype.bytes(shape.elements());
        } catch (ArithmeticException overflow) {
            throw new IllegalArgumentException(
                    dtype + " " + shape + " has more bytes than a long can count", overflow);
        }
        if (offset < 0 || offset > size - bytes) {
            throw new IllegalArgumentException(
                    dtype
                            + " "
                            + shape
                            + " needs "
                            + bytes
                            + " bytes from "
                            + offset
                            + " on, the file has "
                            + size
                            + "; is it truncated?");
        }
        if (offset % dtype.alignment() != 0) {
            throw new IllegalArgumentException(
                    "file offset "
                            + offset
                            + " is not a multiple of the "
                            + dtype.alignment()
                            + " bytes of "
                            + dtype
                            + "; read the bytes and stream.upload them into a tensor of the arena");
        }
        return bytes;
    }
}
