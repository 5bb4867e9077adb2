package dev.halcyon.examples;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.Halcyon;
import dev.halcyon.hal.Selector;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.kernel.linear.Gemm;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;

/// The first kernel: one row times a matrix, on whatever device there is.
final class FirstKernel {
    private FirstKernel() {}

    static float[] multiply() {
        try (Device device = Halcyon.open(Selector.of("auto"));
                DeviceArena arena = device.arena("first kernel");
                Stream stream = device.stream("first kernel")) {
            Tensor x = arena.tensor(DType.F32, 1, 3);
            Tensor w = arena.tensor(DType.F32, 2, 3);
            Tensor y = arena.tensor(DType.F32, 1, 2);
            stream.write(x, 1f, 2f, 3f);
            stream.write(w, 4f, 5f, 6f, 7f, 8f, 9f);
            stream.run(
                    Gemm.linear(1, 3, 2, DType.F32, w.format(), DType.F32), Gemm.Args.of(x, w, y));
            return stream.readFloats(y);
        }
    }
}
