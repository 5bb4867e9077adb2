package dev.halcyon.examples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.halcyon.hal.Counters;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.Halcyon;
import dev.halcyon.hal.Selector;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;

import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;

final class DecodeLoopTest {
    private static final int VOCABULARY = 40;
    private static final int DIM = 24;

    private final Random random = new Random(1);
    private final float[] embedding = values();
    private final float[] head = values();

    private float[] values() {
        float[] values = new float[VOCABULARY * DIM];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    /// The same model in plain Java.
    private List<Integer> chain(int prompt, int count) {
        List<Integer> tokens = new ArrayList<>();
        int token = prompt;
        while (tokens.size() < count) {
            double largest = Double.NEGATIVE_INFINITY;
            int next = -1;
            for (int candidate = 0; candidate < VOCABULARY; candidate++) {
                double logit = 0;
                for (int i = 0; i < DIM; i++) {
                    logit += (double) embedding[token * DIM + i] * head[candidate * DIM + i];
                }
                if (logit > largest) {
                    largest = logit;
                    next = candidate;
                }
            }
            tokens.add(next);
            token = next;
        }
        return tokens;
    }

    @Test
    void everyRequestIsAnsweredAsIfItWereAlone() {
        try (Device device = Halcyon.open(Selector.of("cpu"));
                DeviceArena weights = device.arena("weights");
                Stream stream = device.stream("weights")) {
            Tensor table = weights.tensor(DType.F32, VOCABULARY, DIM);
            Tensor projection = weights.tensor(DType.F32, VOCABULARY, DIM);
            stream.write(table, embedding);
            stream.write(projection, head);
            try (DecodeLoop loop = new DecodeLoop(device, table, projection, 5)) {
                Counters before = device.counters();
                List<DecodeLoop.Answer> answers = new ArrayList<>();
                List<List<Integer>> expected = new ArrayList<>();
                int steps = 0;
                boolean busy = true;
                while (busy || answers.size() < 30) {
                    for (int i = random.nextInt(3); i > 0 && answers.size() < 30; i--) {
                        int prompt = random.nextInt(VOCABULARY);
                        int count = 1 + random.nextInt(12);
                        answers.add(loop.add(prompt, count));
                        expected.add(chain(prompt, count));
                    }
                    busy = loop.step();
                    steps++;
                }
                assertThat(answers.stream().map(DecodeLoop.Answer::tokens)).isEqualTo(expected);
                Counters after = device.counters();
                assertThat(after.replays() - before.replays()).isBetween(40L, (long) steps);
                assertThat(after.planMisses()).isEqualTo(before.planMisses());
                assertThat(after.bytesReserved()).isEqualTo(before.bytesReserved());
            }
        }
    }
}
