package dev.halcyon.backend.cpu.product;

import dev.halcyon.hal.kernel.Require;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.Tensor;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/// Plain row-major matrices of one type, one a group, anywhere in native memory.
///
/// Where a matrix begins may be changed between two runs ([#moveTo]); everything else is fixed.
public final class Matrices {
    private final DType dtype;
    private final long rowBytes;
    private final MemorySegment[] segments;
    private final long[] offsets;

    private Matrices(DType dtype, long rowBytes, MemorySegment[] segments, long[] offsets) {
        this.dtype = dtype;
        this.rowBytes = rowBytes;
        this.segments = segments;
        this.offsets = offsets;
    }

    /// {@return one matrix}
    ///
    /// @param byteOffset where its first element lies
    /// @param rowStride elements from a row to the next
    public static Matrices of(DType dtype, MemorySegment segment, long byteOffset, long rowStride) {
        return new Matrices(
                dtype,
                dtype.bytes(rowStride),
                new MemorySegment[] {segment},
                new long[] {byteOffset});
    }

    /// {@return the matrices of a tensor of rank 2 (for every group the same one) or rank 3 (one a
    /// group), or of a list}
    public static Matrices of(Operand operand, int groups) {
        List<? extends Operand> elements = Require.elements(operand);
        MemorySegment[] segments = new MemorySegment[groups];
        long[] offsets = new long[groups];
        Tensor first = (Tensor) elements.getFirst();
        for (int g = 0; g < groups; g++) {
            Tensor tensor = (Tensor) elements.get(elements.size() == 1 ? 0 : g);
            segments[g] = tensor.segment();
            offsets[g] = tensor.rank() == 3 ? tensor.dtype().bytes(g * tensor.stride(0)) : 0;
        }
        return new Matrices(
                first.dtype(), first.dtype().bytes(first.stride(-2)), segments, offsets);
    }

    /// {@return one matrix that every group reads another part of; [#moveTo] says which}
    public static Matrices sharing(Tensor tensor, int groups) {
        MemorySegment[] segments = new MemorySegment[groups];
        Arrays.fill(segments, tensor.segment());
        return new Matrices(
                tensor.dtype(),
                tensor.dtype().bytes(tensor.stride(-2)),
                segments,
                new long[groups]);
    }

    /// {@return the element type}
    public DType dtype() {
        return dtype;
    }

    /// {@return bytes from a row to the next}
    public long rowBytes() {
        return rowBytes;
    }

    /// {@return the number of matrices}
    public int count() {
        return segments.length;
    }

    /// Lets a group's matrix begin at another row of its memory.
    public void moveTo(int group, long row) {
        offsets[group] = row * rowBytes;
    }

    MemorySegment segment(int group) {
        return segments[group];
    }

    /// {@return where the matrices begin; the very array that [#moveTo] changes}
    long[] offsets() {
        return offsets;
    }

    /// {@return where an element lies in its group's segment}
    long at(int group, long row, long column) {
        return offsets[group] + row * rowBytes + column * (dtype.bits() / 8);
    }
}
