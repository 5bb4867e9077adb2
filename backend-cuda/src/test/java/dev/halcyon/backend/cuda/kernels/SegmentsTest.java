package dev.halcyon.backend.cuda.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.halcyon.backend.cuda.StubLibrary;
import dev.halcyon.backend.cuda.StubProvider;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.kernel.linear.GroupedGemm;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.WeightFormat;

import org.junit.jupiter.api.Test;

import java.util.Arrays;

/// The tile scheduler of `native/cuda/segments.cuh`: every combination of segments around the edges
/// of tiles, packed and with gaps between them.
class SegmentsTest {
    private static final int[] COUNTS = {0, 1, 63, 64, 65, 128};
    private static final int GROUPS = 3;
    private static final int ROWS = 3 * 128 + 2 * 5;

    private final StubLibrary stub = StubLibrary.withKernelsOrSkip();

    @Test
    void findsTheGroupOfEveryRow() {
        stub.reset();
        try (Device device = StubProvider.open();
                Stream stream = device.stream("segments");
                DeviceArena arena = device.arena("segments")) {
            GroupedGemm spec =
                    GroupedGemm.contiguous(
                            GROUPS,
                            ROWS,
                            1,
                            1,
                            DType.F32,
                            WeightFormat.rowMajor(DType.F32),
                            DType.F32);
            Plan<GroupedGemm.Args> plan = device.plan(spec);
            Tensor a = arena.tensor(DType.F32, ROWS, 1);
            Tensor b = arena.tensor(DType.F32, GROUPS, 1, 1);
            Tensor out = arena.tensor(DType.F32, ROWS, 1);
            Tensor start = arena.tensor(DType.I32, GROUPS);
            Tensor count = arena.tensor(DType.I32, GROUPS);
            float[] numbers = new float[ROWS];
            for (int row = 0; row < ROWS; row++) {
                numbers[row] = row + 1;
            }
            stream.write(a, numbers);
            stream.write(b, 1f, 1000f, 2000f);
            Launch launch =
                    plan.bind(
                            arena,
                            GroupedGemm.Args.of(a, b, start, count, out),
                            device.workspace(arena, plan));
            for (int combination = 0; combination < 2 * 6 * 6 * 6; combination++) {
                int gap = combination % 2 * 5;
                int[] counts = {
                    COUNTS[combination / 2 % 6],
                    COUNTS[combination / 12 % 6],
                    COUNTS[combination / 72]
                };
                int[] starts = {0, counts[0] + gap, counts[0] + counts[1] + 2 * gap};
                stream.write(start, starts);
                stream.write(count, counts);
                stream.submit(launch);
                check(starts, counts, stream.readFloats(out));
            }
        }
    }

    private static void check(int[] starts, int[] counts, float[] out) {
        float[] factors = {1, 1000, 2000};
        for (int group = 0; group < GROUPS; group++) {
            for (int row = starts[group]; row < starts[group] + counts[group]; row++) {
                int at = row;
                assertEquals(
                        factors[group] * (row + 1),
                        out[row],
                        () -> "row " + at + " of segments of " + Arrays.toString(counts));
            }
        }
    }
}
