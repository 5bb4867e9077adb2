package dev.halcyon.hal.memory;

/// Scratch memory that launches bound to it share, one stream or fork branch at a time.
///
/// It carries nothing from one launch to the next: a kernel that must remember something takes it as an operand.
///
/// @param storage the bytes, [DType#U8], rank 1, aligned to at least 64 bytes; empty if no plan needs any
public record Workspace(Tensor storage) {
    public Workspace {
        if (storage.dtype() != DType.U8 || storage.shape().rank() != 1) {
            throw new IllegalArgumentException(
                    "a workspace is a U8 vector, not " + storage.dtype() + " " + storage.shape());
        }
    }

    /// {@return the number of bytes}
    public long byteSize() {
        return storage.byteSize();
    }
}
