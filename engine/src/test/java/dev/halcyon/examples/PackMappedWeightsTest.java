package dev.halcyon.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.Halcyon;
import dev.halcyon.hal.Selector;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.kernel.linear.Gemm;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.Tensor;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;

final class PackMappedWeightsTest {
    private static final int ROWS = 37;
    private static final int COLUMNS = 50;
    private static final int OFFSET = 6;

    @TempDir private Path folder;

    @Test
    void theWeightOutlivesItsFile() throws IOException {
        ByteBuffer bytes =
                ByteBuffer.allocate(OFFSET + ROWS * COLUMNS * 2).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < ROWS * COLUMNS; i++) {
            bytes.putShort(OFFSET + 2 * i, (short) (Float.floatToRawIntBits(weight(i)) >> 16));
        }
        Path file = Files.write(folder.resolve("weight.bin"), bytes.array());
        try (Device device = Halcyon.open(Selector.of("cpu"));
                DeviceArena arena = device.arena("weights");
                Stream stream = device.stream("product")) {
            Operand weight = PackMappedWeights.load(device, arena, file, OFFSET, ROWS, COLUMNS);
            Files.delete(file);
            Tensor x = arena.tensor(DType.F32, 1, COLUMNS);
            Tensor y = arena.tensor(DType.F32, 1, ROWS);
            stream.fill(x, 1);
            stream.run(
                    Gemm.linear(1, COLUMNS, ROWS, DType.F32, weight.format(), DType.F32),
                    Gemm.Args.of(x, weight, y));
            float[] sums = stream.readFloats(y);
            for (int row = 0; row < ROWS; row++) {
                float expected = 0;
                for (int column = 0; column < COLUMNS; column++) {
                    expected += weight(row * COLUMNS + column);
                }
                assertThat(sums[row]).isCloseTo(expected, within(1e-3f));
            }
        }
    }

    /// Small multiples of a power of two, which BF16 holds exactly.
    private static float weight(int i) {
        return (i * 7 % 31 - 15) / 8f;
    }
}
