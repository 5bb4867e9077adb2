package dev.halcyon.hal.host;

import dev.halcyon.hal.memory.StepInput;
import dev.halcyon.hal.memory.Tensor;

import java.lang.foreign.MemorySegment;

/// A step input of a device whose streams run inline: one version in preparation, the published one
/// in the tensor.
///
/// Publishing copies, so a launch that has returned never sees a later version, and no version is
/// ever in flight.
final class HostStepInput implements StepInput {
    private final Tensor tensor;
    private final Tensor version;
    private boolean prepared;
    private boolean published;

    HostStepInput(Tensor tensor, Tensor version) {
        this.tensor = tensor;
        this.version = version;
    }

    @Override
    public Tensor tensor() {
        return tensor;
    }

    @Override
    public MemorySegment next() {
        MemorySegment memory = version.segment();
        prepared = true;
        return memory;
    }

    @Override
    public MemorySegment published() {
        if (!published) {
            throw new IllegalStateException(
                    "nothing has been published; write next() and call stream.publish");
        }
        return tensor.segment().asReadOnly();
    }

    void publish() {
        if (!prepared) {
            throw new IllegalStateException(
                    "publish without a new version; call next() and write it first");
        }
        tensor.segment().copyFrom(version.segment());
        prepared = false;
        published = true;
    }
}
