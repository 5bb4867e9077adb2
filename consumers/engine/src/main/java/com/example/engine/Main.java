package com.example.engine;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.Halcyon;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.Selector;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.kernel.linear.Gemm;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.WeightFormat;

import java.util.Arrays;

/// Multiplies two rows by a weight of two outputs on the CPU and compares with the product done by
/// hand.
public final class Main {
    private Main() {}

    /// @param arguments none
    public static void main(String[] arguments) {
        try (Device device = Halcyon.open(Selector.of("cpu"));
                DeviceArena arena = device.arena("engine");
                Stream stream = device.stream("main")) {
            Gemm linear =
                    Gemm.linear(4, 3, 2, DType.F32, WeightFormat.rowMajor(DType.F32), DType.F32);
            Plan<Gemm.Args> plan = device.plan(linear);

            Tensor x = arena.tensor(DType.F32, 2, 3);
            Tensor w = arena.tensor(DType.F32, 2, 3);
            Tensor y = arena.tensor(DType.F32, 2, 2);
            stream.write(x, 1f, 2f, 3f, 4f, 5f, 6f);
            stream.write(w, 1f, 0f, -1f, 2f, 1f, 0f);

            Launch launch = plan.bind(arena, Gemm.Args.of(x, w, y), device.workspace(arena, plan));
            stream.submit(launch);

            float[] result = stream.readFloats(y);
            if (!Arrays.equals(result, new float[] {-2, 4, -2, 13})) {
                throw new AssertionError("the product is " + Arrays.toString(result));
            }
            System.out.println(
                    "OK " + device.description().id() + " " + plan.support().implementation());
        }
    }
}
