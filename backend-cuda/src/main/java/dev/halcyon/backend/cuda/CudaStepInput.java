package dev.halcyon.backend.cuda;

import dev.halcyon.backend.cuda.driver.CudaDriver;
import dev.halcyon.hal.memory.StepInput;
import dev.halcyon.hal.memory.Tensor;

import java.lang.foreign.MemorySegment;

/// A step input with a ring of versions in pinned memory: publishing copies one to the device, in
/// the order of the stream, while the host writes the next.
final class CudaStepInput implements StepInput {
    /// How far the host may run ahead.
    static final int VERSIONS = 4;

    private final Tensor tensor;
    private final CudaBuffer[] ring;
    private final long[] copied = new long[VERSIONS];
    private int next;
    private int published = -1;
    private boolean prepared;

    CudaStepInput(Tensor tensor, CudaBuffer[] ring) {
        this.tensor = tensor;
        this.ring = ring;
    }

    @Override
    public Tensor tensor() {
        return tensor;
    }

    private CudaContext context() {
        return ring[0].arena().device().context();
    }

    @Override
    public MemorySegment next() {
        MemorySegment version = ring[next].segment();
        if (!prepared && copied[next] != 0) {
            long event = copied[next];
            context().run("next version", driver -> driver.synchronizeEvent(event));
        }
        prepared = true;
        return version;
    }

    @Override
    public MemorySegment published() {
        if (published < 0) {
            throw new IllegalStateException(
                    "nothing has been published; write next() and call stream.publish");
        }
        return ring[published].segment().asReadOnly();
    }

    /// Copies the version in preparation to the device.
    void publish(CudaDriver driver, CudaStream stream) {
        if (!prepared) {
            throw new IllegalStateException(
                    "publish without a new version; call next() and write it first");
        }
        if (copied[next] == 0) {
            // The events stay with the ring; the arena gives them back when its epoch ends.
            long event = context().takeEvent();
            copied[next] = event;
            ring[next].arena().attachVersion(() -> context().giveEvent(event));
        }
        if (tensor.byteSize() > 0) {
            driver.copy(tensor.address(), ring[next].address(), tensor.byteSize(), stream.handle());
        }
        driver.record(copied[next], stream.handle());
        published = next;
        next = (next + 1) % VERSIONS;
        prepared = false;
    }
}
