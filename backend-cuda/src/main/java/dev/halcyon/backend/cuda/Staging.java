package dev.halcyon.backend.cuda;

import dev.halcyon.backend.cuda.DevicePieces.Piece;
import dev.halcyon.backend.cuda.driver.CudaDriver;

import java.lang.foreign.MemorySegment;

/// Two halves of pinned memory through which a stream moves host bytes: the device reads one while
/// the host fills the other.
final class Staging {
    private static final int HALVES = 2;

    private final CudaContext context;
    private final DevicePieces pieces;
    private final Piece piece;
    private final long half;
    private final long[] events = new long[HALVES];
    private int next;

    Staging(CudaContext context, DevicePieces pieces, String label) {
        this.context = context;
        this.pieces = pieces;
        this.piece = pieces.take(DevicePieces.SLAB_BYTES, true, label);
        this.half = piece.bytes() / HALVES;
    }

    /// {@return the most bytes that one half holds}
    long capacity() {
        return half;
    }

    /// {@return a half that the device has done with, to be filled and then handed to [#submitted]}
    MemorySegment acquire() {
        long event = events[next];
        if (event != 0) {
            context.run("stage", driver -> driver.synchronizeEvent(event));
        }
        return MemorySegment.ofAddress(piece.address() + next * half).reinterpret(half);
    }

    /// The work that reads the half has been submitted.
    void submitted(CudaDriver driver, long stream) {
        if (events[next] == 0) {
            events[next] = context.takeEvent();
        }
        driver.record(events[next], stream);
        next = (next + 1) % HALVES;
    }

    /// Gives the memory back; nothing may be under way.
    void close() {
        for (long event : events) {
            if (event != 0) {
                context.giveEvent(event);
            }
        }
        pieces.give(piece);
    }
}
