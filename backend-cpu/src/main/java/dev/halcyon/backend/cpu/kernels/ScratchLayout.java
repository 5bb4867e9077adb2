package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.Tensor;

import java.util.LinkedHashMap;
import java.util.Map;

/// What lies where at the front of a fused kernel's workspace.
final class ScratchLayout {
    private static final long ALIGNMENT = 64;

    private record Piece(long offset, DType dtype, Shape shape) {}

    private final Map<String, Piece> pieces = new LinkedHashMap<>();
    private long bytes;

    /// Adds a contiguous tensor.
    ///
    /// @throws ArithmeticException if a long cannot count its bytes
    ScratchLayout add(String name, DType dtype, long... dims) {
        Shape shape = Shape.of(dims);
        pieces.put(name, new Piece(bytes, dtype, shape));
        long size = dtype.bytes(shape.elements());
        bytes = Math.addExact(bytes, Math.multiplyExact(Math.ceilDiv(size, ALIGNMENT), ALIGNMENT));
        return this;
    }

    /// {@return bytes of everything together, a multiple of 64}
    long bytes() {
        return bytes;
    }

    /// {@return a tensor in a workspace}
    Tensor in(Tensor workspace, String name) {
        Piece piece = pieces.get(name);
        if (piece == null) {
            throw new IllegalArgumentException("there is no scratch tensor \"" + name + "\"");
        }
        return Tensor.of(
                workspace.buffer(),
                workspace.byteOffset() + piece.offset,
                piece.dtype,
                piece.shape);
    }

    /// {@return the first rows of a tensor in a workspace}
    Tensor in(Tensor workspace, String name, long rows) {
        return in(workspace, name).slice(0, 0, rows);
    }
}
