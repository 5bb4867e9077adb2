package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.loops.RowLoops;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.TensorList;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/// A matrix of a launch with everything resolved: where its memory is and where each row begins.
///
/// @param dtype its element type
/// @param memory the whole buffer
/// @param start first byte of row 0
/// @param rowBytes bytes from one row to the next
/// @param rows number of rows
record Rows(DType dtype, MemorySegment memory, long start, long rowBytes, long rows) {
    private static final ValueLayout.OfInt INT =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfDouble DOUBLE =
            ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final byte[] ZEROS = new byte[4096];

    /// {@return the entries of a tensor's outermost dimension}
    static Rows of(Tensor tensor) {
        long rowBytes = tensor.dtype().bytes(tensor.stride(0));
        return new Rows(
                tensor.dtype(),
                tensor.buffer().segment(),
                tensor.byteOffset(),
                rowBytes,
                tensor.dim(0));
    }

    /// {@return [#of(Tensor)] of a tensor that may be absent}
    static @Nullable Rows ofOrNull(@Nullable Tensor tensor) {
        return tensor == null ? null : of(tensor);
    }

    /// {@return the elements of a contiguous tensor of any shape as one row}
    static Rows flat(Tensor tensor) {
        return new Rows(tensor.dtype(), tensor.buffer().segment(), tensor.byteOffset(), 0, 1);
    }

    /// {@return [#flat(Tensor)] of a tensor that may be absent}
    static @Nullable Rows flatOrNull(@Nullable Tensor tensor) {
        return tensor == null ? null : flat(tensor);
    }

    /// {@return [#flat(Tensor)] of every tensor of a list, or of the one tensor}
    static Rows[] pieces(Operand operand) {
        return switch (operand) {
            case Tensor tensor -> new Rows[] {flat(tensor)};
            case TensorList list ->
                    list.elements().stream()
                            .map(element -> flat((Tensor) element))
                            .toArray(Rows[]::new);
            default ->
                    throw new IllegalArgumentException(
                            operand.format()
                                    + " "
                                    + operand.shape()
                                    + " is neither a tensor nor a list of tensors");
        };
    }

    /// {@return the first byte of an element}
    long at(long row, long column) {
        return start + row * rowBytes + dtype.bytes(column);
    }

    /// Widens elements of a row.
    void load(RowLoops loops, long row, long column, float[] to, int toOffset, int n) {
        loops.load(dtype, memory, at(row, column), to, toOffset, n);
    }

    /// Narrows floats into a row.
    void store(RowLoops loops, float[] from, int fromOffset, int n, long row, long column) {
        loops.store(dtype, from, fromOffset, n, memory, at(row, column));
    }

    /// Copies elements of a row of the same type, bit for bit.
    void copyFrom(Rows source, long sourceRow, long row, long column, int n) {
        MemorySegment.copy(
                source.memory,
                source.at(sourceRow, column),
                memory,
                at(row, column),
                dtype.bytes(n));
    }

    /// Makes elements of a row zero.
    void clear(long row, long column, long n) {
        fill(ZEROS, row, column, n);
    }

    /// Repeats a pattern, a whole number of elements long, over elements of a row.
    void fill(byte[] pattern, long row, long column, long n) {
        long to = at(row, column);
        long bytes = dtype.bytes(n);
        for (long done = 0; done < bytes; done += pattern.length) {
            int length = (int) Math.min(pattern.length, bytes - done);
            MemorySegment.copy(pattern, 0, memory, ValueLayout.JAVA_BYTE, to + done, length);
        }
    }

    /// {@return an I32 element}
    int intAt(long row, long column) {
        return memory.get(INT, start + row * rowBytes + 4 * column);
    }

    /// {@return an I64 element}
    long longAt(long row, long column) {
        return memory.get(LONG, start + row * rowBytes + 8 * column);
    }

    /// {@return an F64 element}
    double doubleAt(long row, long column) {
        return memory.get(DOUBLE, start + row * rowBytes + 8 * column);
    }

    /// {@return an F32 element}
    float floatAt(long row, long column) {
        return memory.get(FLOAT, start + row * rowBytes + 4 * column);
    }

    /// Sets an I32 element.
    void setInt(long row, long column, int value) {
        memory.set(INT, start + row * rowBytes + 4 * column, value);
    }

    /// Sets an F32 element.
    void setFloat(long row, long column, float value) {
        memory.set(FLOAT, start + row * rowBytes + 4 * column, value);
    }

    /// {@return the number of live rows: what `activeRows` says at this moment, within `rows`}
    ///
    /// @param activeRows the I32 count, null for all
    static long live(long rows, @Nullable Rows activeRows) {
        return activeRows == null ? rows : Math.clamp(activeRows.intAt(0, 0), 0, rows);
    }
}
