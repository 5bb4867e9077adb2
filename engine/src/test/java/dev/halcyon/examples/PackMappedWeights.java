package dev.halcyon.examples;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.kernel.linear.PackWeight;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.PackedTensor;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.WeightFormat;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;

/// A weight from a mapped file into the layout that the device is fastest with; afterwards neither
/// file nor mapping is needed.
final class PackMappedWeights {
    private PackMappedWeights() {}

    /// {@return the BF16 matrix that begins at `offset` of `file`, in memory of `arena`}
    static Operand load(
            Device device, DeviceArena arena, Path file, long offset, int rows, int columns)
            throws IOException {
        Shape shape = Shape.of(rows, columns);
        try (DeviceArena mapped = device.arena("mapping of " + file);
                Stream stream = device.stream("packing")) {
            Tensor stored;
            try (FileChannel channel = FileChannel.open(file)) {
                stored = mapped.map(channel, offset, DType.BF16, shape);
            }
            // The file is closed; the mapping lives on in its arena.
            WeightFormat preferred = device.preferred(shape, stored.format());
            if (preferred.equals(stored.format())) {
                Tensor copy = arena.tensor(DType.BF16, shape);
                stream.copy(copy, stored);
                stream.synchronize();
                return copy;
            }
            PackedTensor packed = device.allocatePacked(arena, shape, preferred);
            stream.run(
                    PackWeight.matrix(rows, columns, stored.format(), preferred),
                    PackWeight.Args.of(stored, packed));
            stream.synchronize();
            return packed;
        }
    }
}
