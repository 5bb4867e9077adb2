package dev.halcyon.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.Halcyon;
import dev.halcyon.hal.Selector;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.tck.oracle.MlaPrefill;

import org.junit.jupiter.api.Test;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;

final class ChunkedPrefillTest {
    private static final int HEADS = 2;
    private static final int NOPE = 6;
    private static final int ROPE = 4;
    private static final int VALUE = 5;

    @Test
    void piecesOfAnySizeGiveTheAttentionOfWholePrompts() {
        int[][] cases = {{1}, {5}, {8}, {17}, {3, 0, 2, 4}, {1, 1, 1, 20, 1}, {7, 9, 8}};
        for (int chunk : new int[] {1, 3, 8, 64}) {
            try (Device device = Halcyon.open(Selector.of("cpu"));
                    ChunkedPrefill prefill =
                            new ChunkedPrefill(device, chunk, 24, HEADS, NOPE, ROPE, VALUE)) {
                long plans = device.counters().planMisses();
                for (int[] lengths : cases) {
                    check(device, prefill, chunk, lengths);
                }
                assertThat(device.counters().planMisses()).as("one plan for all").isEqualTo(plans);
            }
        }
    }

    private static void check(Device device, ChunkedPrefill prefill, int chunk, int[] lengths) {
        int total = Arrays.stream(lengths).sum();
        Random random = new Random(total);
        try (DeviceArena arena = device.arena("rows");
                Stream stream = device.stream("rows")) {
            Tensor query = random(arena, stream, random, total, HEADS, NOPE + ROPE);
            Tensor key = random(arena, stream, random, total, HEADS, NOPE);
            Tensor ropeKey = random(arena, stream, random, total, ROPE);
            Tensor value = random(arena, stream, random, total, HEADS, VALUE);
            Tensor out = arena.tensor(DType.F32, total, HEADS, VALUE);
            stream.fill(out, Double.NaN);
            prefill.run(stream, new ChunkedPrefill.Rows(query, key, ropeKey, value, out), lengths);

            int[] starts = new int[lengths.length + 1];
            for (int i = 0; i < lengths.length; i++) {
                starts[i + 1] = starts[i] + lengths[i];
            }
            MlaPrefill oracle =
                    new MlaPrefill(HEADS, NOPE, ROPE, VALUE, 1 / Math.sqrt(NOPE + ROPE), true);
            MlaPrefill.KeyValues keys =
                    new MlaPrefill.KeyValues(
                            doubles(stream, key), doubles(stream, ropeKey), doubles(stream, value));
            double[] expected =
                    oracle.run(doubles(stream, query), keys, starts, starts, new double[0])
                            .output();
            assertThat(doubles(stream, out))
                    .as("chunk %s, lengths %s", chunk, Arrays.toString(lengths))
                    .containsExactly(expected, within(1e-5));
        }
    }

    private static Tensor random(DeviceArena arena, Stream stream, Random random, long... dims) {
        Tensor tensor = arena.tensor(DType.F32, dims);
        float[] values = new float[(int) tensor.elements()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        stream.write(tensor, values);
        return tensor;
    }

    private static double[] doubles(Stream stream, Tensor tensor) {
        float[] values = stream.readFloats(tensor);
        return IntStream.range(0, values.length).mapToDouble(i -> values[i]).toArray();
    }
}
