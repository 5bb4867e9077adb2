package dev.halcyon.backend.cuda.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.halcyon.backend.cuda.StubLibrary;
import dev.halcyon.backend.cuda.StubProvider;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.kernel.token.Sample;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.tck.oracle.Sampling;

import org.junit.jupiter.api.Test;

import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;

/// The search of `native/cuda/sample.cu` in a vocabulary of real size, where many logits are equal
/// and the borders of top-k and top-p fall among them.
class SampleSearchTest {
    private static final int VOCAB = 70_003;
    private static final int ROWS = 8;

    /// Nearer to a border than this, F32 may decide otherwise than the oracle.
    private static final double SAFE_MARGIN = 1e-6;

    private final StubLibrary stub = StubLibrary.withKernelsOrSkip();

    @Test
    void drawsWhatTheOracleDraws() {
        SplittableRandom random = new SplittableRandom(7);
        float[] logits = new float[ROWS * VOCAB];
        for (int i = 0; i < logits.length; i++) {
            // A sixteenth is exact in BF16 as long as it is small.
            logits[i] = (random.nextInt(24) + random.nextInt(24) + random.nextInt(24)) / 16f;
        }
        float[] temperature = {1, 0.3f, 2, 0.05f, 1, 0.5f, 1, 0};
        float[] topP = {1, 1, 0.5f, 0.9f, 0.3f, 0.99f, 0, 1};
        int[] topK = {0, 1000, 0, 700, 300, 65_537, 5, 9};
        long[] seed = {1, -2, 3, Long.MIN_VALUE, 5, 6, 7, 8};
        int[] position = {0, 1, -1, 1000, 4, 5, Integer.MAX_VALUE, 7};
        int[] got = sample(logits, temperature, topP, topK, seed, position);
        for (int row = 0; row < ROWS; row++) {
            double[] own = new double[VOCAB];
            for (int i = 0; i < VOCAB; i++) {
                own[i] = logits[row * VOCAB + i];
            }
            double[] distribution =
                    Sampling.distribution(own, temperature[row], topK[row], topP[row]);
            double uniform = Sampling.uniform(seed[row], position[row]);
            if (Sampling.margin(distribution, uniform) > SAFE_MARGIN) {
                assertEquals(Sampling.draw(distribution, uniform), got[row], "row " + row);
            } else {
                assertEquals(Sampling.draw(distribution, uniform), got[row], 1, "row " + row);
            }
        }
    }

    private int[] sample(
            float[] logits,
            float[] temperature,
            float[] topP,
            int[] topK,
            long[] seed,
            int[] position) {
        stub.reset();
        try (Device device = StubProvider.open();
                Stream stream = device.stream("sample");
                DeviceArena arena = device.arena("sample")) {
            Tensor rows = arena.tensor(DType.BF16, ROWS, VOCAB);
            Tensor heat = arena.tensor(DType.F32, ROWS);
            Tensor mass = arena.tensor(DType.F32, ROWS);
            Tensor count = arena.tensor(DType.I32, ROWS);
            Tensor seeds = arena.tensor(DType.I64, ROWS);
            Tensor places = arena.tensor(DType.I32, ROWS);
            Tensor ids = arena.tensor(DType.I32, ROWS);
            stream.write(rows, logits);
            stream.write(heat, temperature);
            stream.write(mass, topP);
            stream.write(count, topK);
            stream.upload(seeds, MemorySegment.ofArray(seed));
            stream.write(places, position);
            stream.run(
                    Sample.random(ROWS, VOCAB, DType.BF16),
                    Sample.Args.random(rows, seeds, places, ids)
                            .withTemperature(heat)
                            .withTopP(mass)
                            .withTopK(count));
            return stream.readInts(ids);
        }
    }
}
