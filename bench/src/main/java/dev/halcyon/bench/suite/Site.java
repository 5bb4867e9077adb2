package dev.halcyon.bench.suite;

import dev.halcyon.bench.data.RandomBits;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;

/// Where a problem is set up: a device, memory on it and a stream.
///
/// @param device the device
/// @param arena memory of the operands
/// @param stream what fills them and runs the launches
record Site(Device device, DeviceArena arena, Stream stream) implements AutoCloseable {
    static Site on(Device device, String label) {
        return new Site(device, device.arena(label), device.stream(label));
    }

    /// {@return a tensor of [RandomBits]}
    Tensor random(DType dtype, long seed, int exponent, long... dims) {
        Tensor tensor = arena.tensor(dtype, dims);
        refill(tensor, seed, exponent);
        return tensor;
    }

    /// Fills a tensor with [RandomBits].
    void refill(Tensor tensor, long seed, int exponent) {
        RandomBits.fill(stream, tensor, seed, exponent);
    }

    Tensor ints(int... values) {
        Tensor tensor = arena.tensor(DType.I32, values.length);
        stream.write(tensor, values);
        return tensor;
    }

    @Override
    public void close() {
        stream.close();
        arena.close();
    }
}
