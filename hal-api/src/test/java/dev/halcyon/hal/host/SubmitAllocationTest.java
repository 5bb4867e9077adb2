package dev.halcyon.hal.host;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.sun.management.ThreadMXBean;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceOptions;
import dev.halcyon.hal.FakeBackend;
import dev.halcyon.hal.Graph;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.Scripted;
import dev.halcyon.hal.Scripted.Script;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;

/// The hot path allocates nothing once it has run for a while.
final class SubmitAllocationTest {
    private static final int SUBMITS = 10_000;
    private static final int ROUNDS = 6;

    private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aSubmitAllocatesNothing(boolean traced) {
        DeviceOptions options =
                traced ? DeviceOptions.defaults().withTracing() : DeviceOptions.defaults();
        try (Device device = device(options);
                DeviceArena arena = device.arena("operands");
                DeviceArena launches = device.arena("launches");
                Stream stream = device.stream("hot")) {
            Tensor vector = arena.tensor(DType.F32, 1);
            Launch launch = launch(device, launches, vector);
            assertEquals(0, allocatedBy(() -> stream.submit(launch)));
            assertEquals(SUBMITS * ROUNDS, stream.readFloats(vector)[0]);
        }
    }

    @Test
    void aReplayAllocatesNothing() {
        try (Device device = device(DeviceOptions.defaults());
                DeviceArena arena = device.arena("operands");
                Stream stream = device.stream("hot")) {
            Launch launch = launch(device, arena, arena.tensor(DType.F32, 1));
            Graph graph =
                    device.record(
                            arena,
                            recorder -> {
                                recorder.submit(launch);
                                recorder.submit(launch);
                            });
            assertEquals(0, allocatedBy(() -> stream.replay(graph)));
        }
    }

    private static Device device(DeviceOptions options) {
        return FakeBackend.builder(options)
                .kernel(
                        Script.of(
                                (vector, faults) ->
                                        vector.setAtIndex(
                                                ValueLayout.JAVA_FLOAT,
                                                0,
                                                vector.getAtIndex(ValueLayout.JAVA_FLOAT, 0) + 1)))
                .build();
    }

    private static Launch launch(Device device, DeviceArena arena, Tensor vector) {
        Plan<Scripted.Args> plan = device.plan(Scripted.named("increment"));
        return plan.bind(arena, new Scripted.Args(vector), device.workspace(arena, plan));
    }

    /// The least of several rounds: class loading, linking and compiling take a few hundred bytes
    /// of this thread now and then, whereas an allocation of the path itself is there in every
    /// round, ten thousand times.
    private long allocatedBy(Runnable work) {
        long least = Long.MAX_VALUE;
        for (int round = 0; round < ROUNDS; round++) {
            long before = threads.getCurrentThreadAllocatedBytes();
            repeat(work);
            least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
        }
        return least;
    }

    private static void repeat(Runnable work) {
        for (int i = 0; i < SUBMITS; i++) {
            work.run();
        }
    }
}
