package dev.halcyon.hal.host;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceOptions;
import dev.halcyon.hal.Expect;
import dev.halcyon.hal.FakeBackend;
import dev.halcyon.hal.Graph;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.Scripted;
import dev.halcyon.hal.Scripted.Script;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.Timepoint;
import dev.halcyon.hal.Warnings;
import dev.halcyon.hal.error.DeviceExecutionException;
import dev.halcyon.hal.kernel.elementwise.Embedding;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.StepInput;
import dev.halcyon.hal.memory.Tensor;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.List;

/// A failure stays, is handed on with its first cause, and concerns nobody else.
final class StreamFailureTest {
    private final Device device =
            FakeBackend.builder(DeviceOptions.defaults())
                    .kernel(
                            new Script(
                                    1,
                                    (spec, limits) ->
                                            Script.planned(
                                                    spec,
                                                    0,
                                                    (vector, faults) -> fail(spec.name()))))
                    .build();
    private final DeviceArena arena = device.arena("operands");
    private final Tensor vector = arena.tensor(DType.F32, 2);
    private final Tensor table = arena.tensor(DType.F32, 4, 1);
    private final Tensor out = arena.tensor(DType.F32, 3, 1);
    private final Stream stream = device.stream("failing");
    private final Stream other = device.stream("other");

    private static void fail(String how) {
        switch (how) {
            case "exception" -> throw new IllegalArgumentException("the kernel fell over");
            case "assertion" -> throw new AssertionError("the kernel asserted");
            case "linkage" -> throw new NoClassDefFoundError("com/example/Gone");
            case "stack" -> fail(how);
            default -> {}
        }
    }

    @AfterEach
    void close() {
        stream.close();
        other.close();
        arena.close();
        device.close();
    }

    private Launch scripted(String name) {
        Plan<Scripted.Args> plan = device.plan(Scripted.named(name));
        return plan.bind(arena, new Scripted.Args(vector), device.workspace(arena, plan));
    }

    private Launch lookup(int... ids) {
        Tensor indices = arena.tensor(DType.I32, ids.length);
        other.write(indices, ids);
        other.write(table, 10f, 11f, 12f, 13f);
        Plan<Embedding.Args> plan = device.plan(Embedding.of(3, 4, 1, DType.F32));
        return plan.bind(
                arena,
                Embedding.Args.of(indices, table, out.slice(0, 0, ids.length)),
                device.workspace(arena, plan));
    }

    private List<Executable> everythingOn(Stream failed) {
        Launch fine = scripted("fine");
        Graph graph = device.record(arena, recorder -> recorder.submit(fine));
        StepInput input = arena.stepInput(DType.F32, 1);
        input.next();
        MemorySegment bytes = MemorySegment.ofArray(new byte[8]);
        return List.of(
                () -> failed.submit(fine),
                () -> failed.run(Scripted.named("fine"), new Scripted.Args(vector)),
                () -> failed.copy(vector, arena.tensor(DType.F32, 2)),
                () -> failed.fill(vector, 1),
                () -> failed.upload(vector, bytes),
                () -> failed.download(bytes, vector),
                () -> failed.write(vector, 1f, 2f),
                () -> failed.readFloats(vector),
                () -> failed.readInts(arena.tensor(DType.I32, 1)),
                () -> failed.publish(input),
                () -> failed.replay(graph),
                failed::mark,
                () -> failed.waitFor(other.mark()),
                failed::synchronize);
    }

    @Test
    void whateverAKernelThrowsFailsItsStreamForGood() {
        for (String how : List.of("exception", "assertion", "linkage", "stack")) {
            try (Stream failed = device.stream("of " + how)) {
                Launch launch = scripted(how);
                DeviceExecutionException first =
                        Expect.thrown(
                                DeviceExecutionException.class,
                                () -> failed.submit(launch),
                                "fake:0: submit " + how + " on stream \"of " + how + "\"",
                                "the kernel threw",
                                "open another stream");
                for (Executable use : everythingOn(failed)) {
                    DeviceExecutionException again =
                            Expect.thrown(
                                    DeviceExecutionException.class,
                                    use,
                                    "stream \"of " + how + "\"",
                                    "has failed before",
                                    "the kernel threw");
                    assertSame(first, again.getCause());
                }
            }
        }
    }

    @Test
    void theCauseIsWhatTheKernelThrew() {
        DeviceExecutionException failed =
                assertThrows(
                        DeviceExecutionException.class, () -> stream.submit(scripted("exception")));
        assertEquals(IllegalArgumentException.class, failed.getCause().getClass());
        assertEquals("fake:0", failed.failure().device());
        assertEquals("", failed.failure().nativeCode());
    }

    @Test
    void whoWaitsForAFailedStreamLearnsTheFirstCauseAndGoesOn() {
        Timepoint before = stream.mark();
        DeviceExecutionException first =
                assertThrows(
                        DeviceExecutionException.class, () -> stream.submit(scripted("exception")));
        assertSame(
                first,
                assertThrows(DeviceExecutionException.class, () -> other.waitFor(before))
                        .getCause());
        assertSame(
                first,
                assertThrows(DeviceExecutionException.class, () -> before.await(Duration.ZERO))
                        .getCause());
        other.submit(scripted("fine"));
        other.fill(vector, 3);
        assertArrayEquals(new float[] {3, 3}, other.readFloats(vector));
        try (Stream fresh = device.stream("fresh")) {
            fresh.submit(scripted("fine"));
            fresh.synchronize();
        }
    }

    @Test
    void aFailedLaunchCanRunElsewhereAndIsNotInFlight() {
        Launch launch = scripted("exception");
        assertThrows(DeviceExecutionException.class, () -> stream.submit(launch));
        assertThrows(DeviceExecutionException.class, () -> other.submit(launch));
        assertEquals(0, device.counters().submits());
    }

    @Test
    void aBadIndexRaisesAtTheNextWaitAndNotBefore() {
        Launch launch = lookup(2, 7, -1);
        stream.submit(launch);
        stream.submit(launch);
        assertEquals(2, device.counters().faults());
        Timepoint mark = stream.mark();
        DeviceExecutionException first =
                Expect.thrown(
                        DeviceExecutionException.class,
                        stream::synchronize,
                        "synchronize on stream \"failing\"",
                        "2 bad indices, the first: ids[1] is 7, outside 0 to 3",
                        "skipped",
                        "correct the index tensor and open another stream");
        assertNull(first.getCause());
        assertSame(
                first,
                assertThrows(DeviceExecutionException.class, () -> stream.submit(launch))
                        .getCause());
        assertSame(
                first,
                assertThrows(DeviceExecutionException.class, () -> mark.await(Duration.ZERO))
                        .getCause());
        assertArrayEquals(
                new float[] {12, 0, 0},
                other.readFloats(out),
                "the good row is there, bad ones are not");
    }

    @Test
    void everyWaitFindsAFault() {
        MemorySegment bytes = MemorySegment.ofArray(new byte[8]);
        List<java.util.function.Function<Stream, Executable>> waits =
                List.of(
                        failed -> failed::synchronize,
                        failed -> () -> failed.readFloats(vector),
                        failed -> () -> failed.readInts(arena.tensor(DType.I32, 1)),
                        failed -> () -> failed.download(bytes, vector),
                        failed -> {
                            Timepoint mark = failed.mark();
                            return () -> mark.await(Duration.ZERO);
                        },
                        failed -> {
                            Timepoint mark = failed.mark();
                            return () -> other.waitFor(mark);
                        });
        for (var wait : waits) {
            try (Stream failed = device.stream("faulty")) {
                failed.submit(lookup(4));
                Expect.thrown(
                        DeviceExecutionException.class,
                        wait.apply(failed),
                        "bad index: ids[0] is 4, outside 0 to 3",
                        "stream \"faulty\"");
            }
        }
        other.synchronize();
        assertEquals(waits.size(), device.counters().faults());
    }

    @Test
    void aFaultInAReplayIsAFaultOfTheStream() {
        Launch launch = lookup(0, -2);
        Graph graph = device.record(arena, recorder -> recorder.submit(launch));
        stream.replay(graph);
        Expect.thrown(DeviceExecutionException.class, stream::synchronize, "ids[1] is -2");
    }

    @Test
    void aFailureInAReplayIsAFailureOfTheStream() {
        Launch launch = scripted("exception");
        Graph graph = device.record(arena, recorder -> recorder.submit(launch));
        DeviceExecutionException first =
                Expect.thrown(
                        DeviceExecutionException.class,
                        () -> stream.replay(graph),
                        "replay on stream \"failing\"",
                        "fell over");
        assertSame(
                first,
                assertThrows(DeviceExecutionException.class, stream::synchronize).getCause());
        assertThrows(
                DeviceExecutionException.class,
                () -> other.replay(graph),
                "the graph was given back");
    }

    @Test
    void aFaultThatNobodyWaitedForIsLoggedWhenTheStreamCloses() {
        try (Warnings warnings = new Warnings()) {
            Launch launch = lookup(9);
            stream.submit(launch);
            stream.close();
            warnings.find(
                    "stream \"failing\" was closed and nothing had waited for it", "ids[0] is 9");
        }
    }
}
