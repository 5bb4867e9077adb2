package dev.halcyon.backend.ascend;

import dev.halcyon.backend.ascend.operators.Bits;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.DeviceTask;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.memory.Tensor;

import java.util.List;

/// Copies and fills of device tensors of any type and strides, by their bits.
final class BitTransfer {
    private BitTransfer() {}

    /// {@return the tasks that copy between device tensors}
    static List<DeviceTask> copy(Platform platform, Tensor destination, Tensor source) {
        Composition copy = Composition.withoutScratch(platform);
        copy.copy(bits(source), bits(destination));
        return copy.work().tasks();
    }

    /// {@return the tasks that fill a device tensor}
    static List<DeviceTask> fill(Platform platform, Tensor destination, double value) {
        Composition fill = Composition.withoutScratch(platform);
        Bits.Filling filling = Bits.filling(destination, value);
        fill.fill(filling.view(), filling.value());
        return fill.work().tasks();
    }

    static View bits(Tensor tensor) {
        return Bits.of(tensor);
    }
}
