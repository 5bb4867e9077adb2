package dev.halcyon.backend.cuda;

import dev.halcyon.backend.cuda.DevicePieces.Piece;
import dev.halcyon.backend.cuda.driver.CudaDriver;

import org.jspecify.annotations.Nullable;

import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/// Copies ranges of files to the device, which does not see mapped files.
///
/// *Threads.* Usable from any thread, one at a time.
final class FileCopies {
    private final CudaContext context;
    private final DevicePieces pieces;
    private @Nullable Piece staging;
    private long stream;

    FileCopies(CudaContext context, DevicePieces pieces) {
        this.context = context;
        this.pieces = pieces;
    }

    /// Copies, and waits until the bytes are there.
    synchronized void copy(FileChannel channel, long offset, long bytes, long address)
            throws IOException {
        Piece buffer = staging;
        if (buffer == null) {
            buffer = pieces.take(DevicePieces.SLAB_BYTES, true, "files");
            staging = buffer;
            stream = context.ask("create stream", CudaDriver::createStream);
        }
        long host = buffer.address();
        ByteBuffer view = MemorySegment.ofAddress(host).reinterpret(buffer.bytes()).asByteBuffer();
        for (long done = 0; done < bytes; ) {
            int length = (int) Math.min(view.capacity(), bytes - done);
            view.clear().limit(length);
            while (view.hasRemaining()) {
                if (channel.read(view, offset + done + view.position()) < 0) {
                    throw new EOFException("the file was truncated while it was read");
                }
            }
            long to = address + done;
            context.run(
                    "copy a file",
                    driver -> {
                        driver.copy(to, host, length, stream);
                        driver.synchronizeStream(stream);
                    });
            done += length;
        }
    }

    synchronized void close() {
        if (staging != null) {
            context.release(driver -> driver.destroyStream(stream));
            pieces.give(staging);
            staging = null;
        }
    }
}
