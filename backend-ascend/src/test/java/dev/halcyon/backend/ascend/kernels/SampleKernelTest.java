package dev.halcyon.backend.ascend.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.halcyon.backend.ascend.AscendBackendProvider;
import dev.halcyon.backend.ascend.EmulatorRoot;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceOptions;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.kernel.token.Sample;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.tck.oracle.Sampling;

import org.junit.jupiter.api.Test;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;

/// Draws whose parameters the conformance kit does not reach: seeds of 64 bits, positions of either
/// sign, and every odd value of temperature, top-k and top-p.
class SampleKernelTest {
    private static final int ROWS = 112;
    private static final int VOCAB = 97;
    private static final double CLOSE = 1e-5;

    private static final float[] TEMPERATURES = {
        1, 0, -1, Float.NaN, 1e-30f, Float.POSITIVE_INFINITY, 0.5f, 2
    };
    private static final float[] MASSES = {1, 0, -3, Float.NaN, 0.5f, 1e-9f, 0.9f, 7};
    private static final int[] COUNTS = {0, 1, -5, VOCAB, 3, 500, 40};

    private final Random random = new Random(11);
    private final float[] logits = logits();
    private final float[] temperatures = cycle(TEMPERATURES, 1);
    private final float[] masses = cycle(MASSES, TEMPERATURES.length);
    private final int[] counts = counts();
    private final long[] seeds = random.longs(ROWS).toArray();
    private final int[] positions = random.ints(ROWS).toArray();

    @Test
    void drawsWhatTheOracleDraws() {
        EmulatorRoot root = EmulatorRoot.demand("8.1", "draws on Ascend");
        int[] drawn;
        try (Device device =
                        new AscendBackendProvider(
                                        Map.of("halcyon.ascend.home", root.path().toString()))
                                .open(0, DeviceOptions.defaults());
                DeviceArena arena = device.arena("draws");
                Stream stream = device.stream("draws")) {
            drawn = draw(arena, stream);
        }
        for (int row = 0; row < ROWS; row++) {
            double[] ofRow = new double[VOCAB];
            for (int i = 0; i < VOCAB; i++) {
                ofRow[i] = logits[row * VOCAB + i];
            }
            double[] distribution =
                    Sampling.distribution(ofRow, temperatures[row], counts[row], masses[row]);
            double uniform = Sampling.uniform(seeds[row], positions[row]);
            if (Sampling.margin(distribution, uniform) > CLOSE) {
                assertThat(drawn[row])
                        .as(
                                "row %d, temperature %s, top-k %d, top-p %s",
                                row, temperatures[row], counts[row], masses[row])
                        .isEqualTo(Sampling.draw(distribution, uniform));
            }
        }
    }

    private int[] draw(DeviceArena arena, Stream stream) {
        Tensor logitsThere = arena.tensor(DType.F32, ROWS, VOCAB);
        Tensor seedsThere = arena.tensor(DType.I64, ROWS);
        Tensor positionsThere = arena.tensor(DType.I32, ROWS);
        Tensor temperaturesThere = arena.tensor(DType.F32, ROWS);
        Tensor massesThere = arena.tensor(DType.F32, ROWS);
        Tensor countsThere = arena.tensor(DType.I32, ROWS);
        Tensor ids = arena.tensor(DType.I32, ROWS);
        stream.write(logitsThere, logits);
        stream.upload(seedsThere, MemorySegment.ofArray(seeds));
        stream.write(positionsThere, positions);
        stream.write(temperaturesThere, temperatures);
        stream.write(massesThere, masses);
        stream.write(countsThere, counts);
        stream.run(
                Sample.random(ROWS, VOCAB, DType.F32),
                Sample.Args.random(logitsThere, seedsThere, positionsThere, ids)
                        .withTemperature(temperaturesThere)
                        .withTopP(massesThere)
                        .withTopK(countsThere));
        return stream.readInts(ids);
    }

    private float[] logits() {
        float[] all = new float[ROWS * VOCAB];
        for (int i = 0; i < all.length; i++) {
            all[i] = (float) random.nextGaussian();
        }
        all[5 * VOCAB + 7] = Float.POSITIVE_INFINITY;
        all[6 * VOCAB + 3] = Float.NaN;
        Arrays.fill(all, 9 * VOCAB, 10 * VOCAB, Float.NEGATIVE_INFINITY);
        all[9 * VOCAB] = Float.NaN;
        return all;
    }

    private static float[] cycle(float[] values, int repeats) {
        float[] all = new float[ROWS];
        for (int row = 0; row < ROWS; row++) {
            all[row] = values[row / repeats % values.length];
        }
        return all;
    }

    private static int[] counts() {
        int[] all = new int[ROWS];
        Arrays.setAll(all, row -> COUNTS[row % COUNTS.length]);
        return all;
    }
}
