package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.backend.cuda.driver.CudaDriver;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// One launch with everything prepared off-heap: submitting it writes at most one number.
///
/// @param name the kernel, for messages
/// @param function its handle
/// @param gridX blocks in the first dimension
/// @param gridY blocks in the second dimension
/// @param block threads a block
/// @param sharedBytes dynamic shared memory
/// @param params the parameter block; its first word counts its 8-byte words
/// @param pointers an array of one address, that of `params`
/// @param faultsAt byte of `params` where the address of the fault record goes; -1 if it has none
public record KernelLaunch(
        String name,
        long function,
        int gridX,
        int gridY,
        int block,
        int sharedBytes,
        MemorySegment params,
        MemorySegment pointers,
        int faultsAt)
        implements StreamAction {
    @Override
    public boolean mayFault() {
        return faultsAt >= 0;
    }

    @Override
    public void enqueue(CudaDriver driver, long stream, long faults) {
        if (faultsAt >= 0) {
            params.set(ValueLayout.JAVA_LONG, faultsAt, faults);
        }
        driver.launch(function, gridX, gridY, block, sharedBytes, stream, pointers);
    }
}
