package dev.halcyon.backend.cpu.product;

import dev.halcyon.backend.cpu.memory.NativeMemory;
import dev.halcyon.backend.cpu.nativecode.Bf16Calls;

/// Where the sums of native products go: `out = alpha * sums + beta * addend`.
final class NativeStore {
    private final ProductShape shape;
    private final Matrices addend;
    private final Matrices out;
    private final int outType;
    private final long outBytes;

    NativeStore(ProductShape shape, Matrices addend, Matrices out) {
        this.shape = shape;
        this.addend = addend;
        this.out = out;
        this.outBytes = shape.out().bits() / 8;
        this.outType =
                switch (shape.out()) {
                    case F32 -> 0;
                    case BF16 -> 1;
                    default -> 2;
                };
    }

    /// Stores a block of results.
    void store(int group, int row, int rows, int column, int columns, long sums, long sumsPitch) {
        long to =
                NativeMemory.address(
                        out.segment(group),
                        out.at(group, row, column),
                        NativeMemory.extent(rows, out.rowBytes(), columns * outBytes));
        long old =
                shape.beta() == 0
                        ? to
                        : NativeMemory.address(
                                addend.segment(group),
                                addend.at(group, row, column),
                                NativeMemory.extent(rows, addend.rowBytes(), columns * outBytes));
        Bf16Calls.store(
                outType,
                sums,
                sumsPitch,
                rows,
                columns,
                shape.alpha(),
                shape.beta(),
                old,
                addend.rowBytes(),
                to,
                out.rowBytes());
    }
}
