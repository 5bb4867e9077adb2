package dev.halcyon.backend.cuda;

import dev.halcyon.backend.cuda.DevicePieces.Piece;

import org.jspecify.annotations.Nullable;

import java.util.ArrayDeque;
import java.util.Deque;

/// The fault records of a device's streams and graphs, cut from one piece of memory.
///
/// *Threads.* Usable from any thread.
final class FaultRecords {
    private final DevicePieces pieces;
    private final Deque<FaultRecord> free = new ArrayDeque<>();
    private @Nullable Piece device;
    private @Nullable Piece host;
    private long used;

    FaultRecords(DevicePieces pieces) {
        this.pieces = pieces;
    }

    /// {@return a record that nobody else has, to be cleared first}
    synchronized FaultRecord take() {
        FaultRecord pooled = free.poll();
        if (pooled != null) {
            return pooled;
        }
        Piece onDevice = device;
        Piece onHost = host;
        if (onDevice == null || onHost == null || used + FaultRecord.BYTES > onDevice.bytes()) {
            // A piece that is full stays with its records until the process ends: 65,536 of them.
            onDevice = pieces.take(DevicePieces.SLAB_BYTES, false, "fault records");
            onHost = pieces.take(DevicePieces.SLAB_BYTES, true, "fault records");
            device = onDevice;
            host = onHost;
            used = 0;
        }
        FaultRecord fresh = new FaultRecord(onDevice.address() + used, onHost.address() + used);
        used += FaultRecord.BYTES;
        return fresh;
    }

    /// Takes a record back.
    synchronized void give(FaultRecord record) {
        free.push(record);
    }

    /// Gives the memory back.
    synchronized void close() {
        if (device != null && host != null) {
            pieces.give(device);
            pieces.give(host);
            device = null;
            host = null;
        }
        free.clear();
    }
}
