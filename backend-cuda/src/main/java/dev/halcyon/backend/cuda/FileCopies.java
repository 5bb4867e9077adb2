package dev.halcyon.backend.cuda;

import dev.halcyon.backend.cuda.DevicePieces.Piece;
import dev.halcyon.backend.cuda.driver.CudaDriver;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Shape;

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

    /// {@return the number of bytes of a tensor in a file}
    ///
    /// @throws IllegalArgumentException if the range is outside the file or misaligned
    static long checkRange(FileChannel channel, long offset, DType dtype, Shape shape)
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
