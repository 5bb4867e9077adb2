package dev.halcyon.backend.cuda;

import dev.halcyon.backend.cuda.driver.CudaDriver;
import dev.halcyon.backend.cuda.kernels.FaultOperand;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Where kernels of a stream or graph report bad indices: a record on the device, and the copy of
/// it that the host reads.
///
/// Layout, in words of 8 bytes: count, operand, position, index, bound; all but the count belong to
/// the first report. The record only ever grows, so a later copy may replace an earlier one.
///
/// @param device address of the record
/// @param host address of the copy
record FaultRecord(long device, long host) {
    static final long BYTES = 64;

    private MemorySegment words() {
        return MemorySegment.ofAddress(host).reinterpret(BYTES);
    }

    private long word(int index) {
        return words().getAtIndex(ValueLayout.JAVA_LONG, index);
    }

    /// Clears both, in the order of the stream.
    void clear(CudaDriver driver, long stream) {
        words().fill((byte) 0);
        driver.fillBytes(device, (byte) 0, BYTES, stream);
    }

    /// Copies the record as it is at this point of the stream.
    void fetch(CudaDriver driver, long stream) {
        driver.copy(host, device, BYTES, stream);
    }

    /// {@return the number of reports in the copy}
    long count() {
        return word(0);
    }

    /// {@return the reports in the copy in words}
    String describe() {
        String first =
                FaultOperand.name(word(1))
                        + "["
                        + word(2)
                        + "] is "
                        + word(3)
                        + ", outside 0 to "
                        + (word(4) - 1);
        return count() == 1
                ? "bad index: " + first
                : count() + " bad indices, the first reported: " + first;
    }
}
