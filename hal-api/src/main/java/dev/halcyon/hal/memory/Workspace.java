package dev.halcyon.hal.memory;

/// Scratch memory that launches bound to it share, one stream or fork branch at a time.
///
/// It carries nothing from one launch to the next: a kernel that must remember something takes it
/// as an operand.
///
/// @param storage the bytes, [DType#U8], rank 1, aligned to at least 64 bytes; empty if no plan
///   needs any
public record Workspace(Tensor storage) {
    private static final long ALIGNMENT = 64;

    public Workspace {
        if (storage.dtype() != DType.U8 || storage.shape().rank() != 1 || !storage.isContiguous()) {
            throw new IllegalArgumentException(
                    "a workspace is a contiguous U8 vector, not " + storage);
        }
        if (storage.byteOffset() % ALIGNMENT != 0) {
            throw new IllegalArgumentException(
                    "a workspace begins at a multiple of "
                            + ALIGNMENT
                            + " bytes of its buffer, not at "
                            + storage.byteOffset());
        }
    }

    /// {@return the number of bytes}
    public long byteSize() {
        return storage.byteSize();
    }
}
