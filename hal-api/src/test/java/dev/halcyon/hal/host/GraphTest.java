package dev.halcyon.hal.host;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceOptions;
import dev.halcyon.hal.Expect;
import dev.halcyon.hal.FakeBackend;
import dev.halcyon.hal.FallbackPolicy;
import dev.halcyon.hal.Graph;
import dev.halcyon.hal.InFlight;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.Recorder;
import dev.halcyon.hal.Scripted;
import dev.halcyon.hal.Scripted.Script;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.error.StaleGraphException;
import dev.halcyon.hal.kernel.elementwise.Axpby;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.Workspace;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/// A graph is the list that its recording collected, checked while it was recorded and before each
/// replay.
final class GraphTest {
    private final InFlight flight = new InFlight();
    private final Device device =
            FakeBackend.builder(DeviceOptions.defaults())
                    .kernel(
                            new Script(
                                    1,
                                    (spec, limits) ->
                                            Script.planned(
                                                    spec,
                                                    256,
                                                    (vector, faults) -> {
                                                        if (spec.name().equals("pause")) {
                                                            flight.pause();
                                                        }
                                                        vector.setAtIndex(
                                                                ValueLayout.JAVA_FLOAT,
                                                                0,
                                                                vector.getAtIndex(
                                                                                        ValueLayout
                                                                                                .JAVA_FLOAT,
                                                                                        0)
                                                                                * 2
                                                                        + 1);
                                                    })))
                    .build();
    private final DeviceArena arena = device.arena("operands");
    private final Stream stream = device.stream("main");
    private final Tensor vector = arena.tensor(DType.F32, 1);
    private final Workspace workspace = new Workspace(arena.tensor(DType.U8, 1024));

    @AfterEach
    void close() {
        flight.close();
        stream.close();
        arena.close();
        device.close();
    }

    private Launch launch(DeviceArena home, Tensor operand, Workspace scratch) {
        return device.plan(Scripted.named("double"))
                .bind(home, new Scripted.Args(operand), scratch);
    }

    private Launch launch() {
        return launch(arena, vector, workspace);
    }

    private float value() {
        return stream.readFloats(vector)[0];
    }

    @Test
    void isRunInOrderAsOftenAsWanted() {
        Tensor copy = arena.tensor(DType.F32, 1);
        Launch launch = launch();
        Graph graph =
                device.record(
                        arena,
                        recorder -> {
                            recorder.fill(vector, 3);
                            recorder.submit(launch);
                            recorder.copy(copy, vector);
                            recorder.submit(launch);
                        });
        assertEquals(0, device.counters().submits(), "recording runs nothing");
        assertEquals(0, value());
        assertEquals(4, graph.size());
        assertSame(device, graph.device());
        assertTrue(graph.isAlive());
        for (int replay = 1; replay <= 3; replay++) {
            stream.replay(graph);
            assertEquals(15, value());
            assertArrayEquals(new float[] {7}, stream.readFloats(copy));
            assertEquals(replay, device.counters().replays());
            assertEquals(2L * replay, device.counters().submits());
        }
    }

    @Test
    void anEmptyGraphIsLegal() {
        Graph graph = device.record(arena, recorder -> recorder.fork(List.of()));
        stream.replay(graph);
        assertEquals(0, graph.size());
    }

    @Test
    void copiesAndFillsMayBeStrided() {
        Tensor matrix = arena.tensor(DType.I4, 2, 4);
        Tensor turned = arena.tensor(DType.I4, 4, 2);
        stream.write(matrix, 1, 2, 3, 4, 5, 6, 7, -1);
        Graph graph =
                device.record(
                        arena,
                        recorder -> {
                            recorder.copy(turned, matrix.transpose(0, 1));
                            recorder.fill(matrix.slice(1, 0, 2), -2);
                        });
        stream.replay(graph);
        assertArrayEquals(new int[] {1, 5, 2, 6, 3, 7, 4, -1}, stream.readInts(turned));
        assertArrayEquals(new int[] {-2, -2, 3, 4, -2, -2, 7, -1}, stream.readInts(matrix));
    }

    @Test
    void aRecorderIsOfNoUseAfterwards() {
        List<Recorder> kept = new ArrayList<>();
        Launch launch = launch();
        device.record(arena, kept::add);
        assertThrows(
                UnsupportedOperationException.class,
                () ->
                        device.record(
                                arena,
                                recorder -> {
                                    kept.add(recorder);
                                    throw new UnsupportedOperationException("the recording failed");
                                }));
        for (Recorder recorder : kept) {
            String words = "used after its recording ended";
            Expect.thrown(IllegalStateException.class, () -> recorder.submit(launch), words);
            Expect.thrown(IllegalStateException.class, () -> recorder.copy(vector, vector), words);
            Expect.thrown(IllegalStateException.class, () -> recorder.fill(vector, 1), words);
            Expect.thrown(IllegalStateException.class, () -> recorder.fork(List.of()), words);
        }
        assertEquals(2, kept.size());
    }

    @Test
    void aStaleGraphIsRefusedAndTheStreamGoesOn() {
        for (int which = 0; which < 5; which++) {
            DeviceArena home = device.arena("home");
            DeviceArena launches = device.arena("launches");
            DeviceArena operands = device.arena("graph operands");
            DeviceArena scratch = device.arena("scratch");
            DeviceArena filled = device.arena("filled");
            Tensor target = filled.tensor(DType.F32, 1);
            Launch launch =
                    launch(
                            launches,
                            operands.tensor(DType.F32, 1),
                            new Workspace(scratch.tensor(DType.U8, 256)));
            Graph graph =
                    device.record(
                            home,
                            recorder -> {
                                recorder.submit(launch);
                                recorder.fill(target, 1);
                            });
            stream.replay(graph);
            DeviceArena changed = List.of(home, launches, operands, scratch, filled).get(which);
            if (which % 2 == 0) {
                changed.close();
            } else {
                changed.reset();
            }
            assertFalse(graph.isAlive());
            StaleGraphException stale =
                    Expect.thrown(
                            StaleGraphException.class,
                            () -> stream.replay(graph),
                            "arena \"" + changed.label() + "\"",
                            "closed or reset",
                            "record the graph again");
            assertEquals("replay", stale.failure().operation());
            for (DeviceArena each : List.of(home, launches, operands, scratch, filled)) {
                each.close();
            }
            stream.submit(launch());
            stream.synchronize();
        }
    }

    @Test
    void whatIsStaleIsNotRecorded() {
        DeviceArena gone = device.arena("gone");
        Tensor stale = gone.tensor(DType.F32, 1);
        Launch launch = launch(gone, stale, workspace);
        gone.reset();
        Tensor fresh = gone.tensor(DType.F32, 1);
        for (Consumer<Recorder> body :
                List.<Consumer<Recorder>>of(
                        recorder -> recorder.submit(launch),
                        recorder -> recorder.fill(stale, 1),
                        recorder -> recorder.copy(vector, stale),
                        recorder -> recorder.copy(stale, vector))) {
            Expect.thrown(
                    IllegalStateException.class,
                    () -> device.record(arena, body),
                    "recording a stale");
        }
        device.record(arena, recorder -> recorder.copy(fresh, vector));
        gone.close();
        Expect.thrown(
                IllegalStateException.class,
                () -> device.record(gone, recorder -> {}),
                "arena \"gone\"",
                "closed");
    }

    @Test
    void whatGoesStaleDuringTheRecordingIsNoticedAtItsEnd() {
        DeviceArena step = device.arena("step");
        Launch launch = launch(step, vector, workspace);
        Expect.thrown(
                IllegalStateException.class,
                () ->
                        device.record(
                                arena,
                                recorder -> {
                                    recorder.submit(launch);
                                    step.reset();
                                }),
                "recording a stale double");
        Tensor target = step.tensor(DType.F32, 1);
        Expect.thrown(
                IllegalStateException.class,
                () ->
                        device.record(
                                arena,
                                recorder -> {
                                    recorder.fill(target, 1);
                                    step.reset();
                                }),
                "recording a stale fill");
        step.close();
    }

    @Test
    void whatCannotBeCapturedIsRefused() {
        try (Device bare = FallbackTest.bare(DeviceOptions.defaults());
                DeviceArena own = bare.arena("own")) {
            Plan<Axpby.Args> plan =
                    bare.plan(Axpby.add(1, 1, DType.F32), FallbackPolicy.allow(device));
            Tensor x = own.tensor(DType.F32, 1, 1);
            Launch launch = plan.bind(own, Axpby.Args.of(x, x, x), bare.workspace(own, plan));
            assertFalse(plan.support().capturable());
            Expect.thrown(
                    IllegalArgumentException.class,
                    () -> bare.record(own, recorder -> recorder.submit(launch)),
                    "Axpby by fallback/fake:0",
                    "not capturable",
                    "submit it beside the graph");
        }
    }

    @Test
    void whatBelongsToAnotherDeviceIsRefused() {
        try (Device foreign = FakeBackend.open();
                DeviceArena abroad = foreign.arena("abroad");
                Stream elsewhere = foreign.stream("elsewhere")) {
            Tensor far = abroad.tensor(DType.F32, 1);
            Launch launch = launch();
            Expect.thrown(
                    IllegalArgumentException.class,
                    () -> device.record(abroad, recorder -> {}),
                    "arena \"abroad\"");
            Expect.thrown(
                    IllegalStateException.class,
                    () -> foreign.record(abroad, recorder -> recorder.submit(launch)),
                    "recorder of fake:0");
            Expect.thrown(
                    IllegalArgumentException.class,
                    () -> device.record(arena, recorder -> recorder.copy(vector, far)),
                    "copy",
                    "fake:0");
            Expect.thrown(
                    IllegalArgumentException.class,
                    () -> device.record(arena, recorder -> recorder.fill(far, 1)),
                    "fill",
                    "fake:0");
            Graph graph = device.record(arena, recorder -> {});
            Expect.thrown(
                    IllegalArgumentException.class,
                    () -> elsewhere.replay(graph),
                    "another device",
                    "record it on");
        }
    }

    @Test
    void branchesOfAForkRunWhateverTheirOrder() {
        Tensor other = arena.tensor(DType.F32, 1);
        Launch one = launch();
        Launch two = launch(arena, other, new Workspace(arena.tensor(DType.U8, 256)));
        Launch after = launch();
        Graph graph =
                device.record(
                        arena,
                        recorder -> {
                            recorder.fork(
                                    List.of(
                                            branch -> branch.submit(one),
                                            branch -> {
                                                branch.fill(other, 4);
                                                branch.submit(two);
                                                branch.submit(two);
                                            }));
                            recorder.submit(after);
                        });
        assertEquals(5, graph.size());
        stream.replay(graph);
        assertEquals(3, value());
        assertArrayEquals(new float[] {19}, stream.readFloats(other));
    }

    private void refuseFork(Consumer<Recorder> one, Consumer<Recorder> two, String... words) {
        Expect.thrown(
                IllegalArgumentException.class,
                () -> device.record(arena, recorder -> recorder.fork(List.of(one, two))),
                words);
    }

    @Test
    void branchesShareNoWorkspace() {
        Tensor other = arena.tensor(DType.F32, 1);
        Launch one = launch();
        Launch two = launch(arena, other, workspace);
        Launch three = launch(arena, other, new Workspace(workspace.storage().slice(0, 64, 512)));
        String[] words = {
            "two branches of a fork share memory", "workspace of double", "a workspace of its own"
        };
        refuseFork(branch -> branch.submit(one), branch -> branch.submit(two), words);
        refuseFork(branch -> branch.submit(one), branch -> branch.submit(three), words);
        refuseFork(
                branch -> branch.submit(one),
                branch -> branch.fork(List.of(inner -> inner.submit(two))),
                words);
    }

    @Test
    void branchesWriteNothingThatAnotherUses() {
        Tensor other = arena.tensor(DType.F32, 1);
        Launch launch = launch();
        String[] words = {"two branches of a fork share memory", "one branch"};
        refuseFork(branch -> branch.submit(launch), branch -> branch.fill(vector, 1), words);
        refuseFork(
                branch -> branch.copy(vector, other), branch -> branch.copy(other, vector), words);
        refuseFork(branch -> branch.fill(vector, 1), branch -> branch.copy(other, vector), words);
        device.record(
                arena,
                recorder ->
                        recorder.fork(
                                List.of(
                                        branch -> branch.copy(arena.tensor(DType.F32, 1), vector),
                                        branch -> branch.copy(other, vector))));
    }

    @Test
    void theRecorderOfAForkIsNotForItsBranches() {
        Expect.thrown(
                IllegalStateException.class,
                () ->
                        device.record(
                                arena,
                                recorder ->
                                        recorder.fork(List.of(branch -> recorder.fill(vector, 1)))),
                "inside one of its branches",
                "the branch's own");
        List<Recorder> kept = new ArrayList<>();
        device.record(
                arena,
                recorder -> {
                    recorder.fork(List.of(kept::add));
                    Expect.thrown(
                            IllegalStateException.class,
                            () -> kept.getFirst().fill(vector, 1),
                            "recording ended");
                    recorder.fill(vector, 1);
                });
    }

    @Test
    void aGraphAndItsLaunchesAreInFlightOnOneStreamAtATime() throws Throwable {
        Launch pausing =
                device.plan(Scripted.named("pause"))
                        .bind(arena, new Scripted.Args(vector), workspace);
        Launch shared = launch(arena, arena.tensor(DType.F32, 1), workspace);
        Graph graph =
                device.record(
                        arena,
                        recorder -> {
                            recorder.submit(pausing);
                            recorder.submit(shared);
                        });
        Graph overlapping = device.record(arena, recorder -> recorder.submit(shared));
        flight.start(
                () -> {
                    try (Stream first = device.stream("first")) {
                        first.replay(graph);
                        return null;
                    }
                });
        Expect.thrown(
                IllegalStateException.class,
                () -> stream.replay(graph),
                "in flight on another stream",
                "one graph per");
        Expect.thrown(
                IllegalStateException.class,
                () -> stream.submit(pausing),
                "launch of pause",
                "in flight");
        Expect.thrown(
                IllegalStateException.class,
                () -> stream.submit(shared),
                "launch of double",
                "in flight");
        Expect.thrown(
                IllegalStateException.class,
                () -> stream.replay(overlapping),
                "launch of double",
                "in flight");
        flight.finish();
        stream.replay(overlapping);
        stream.replay(graph);
        stream.synchronize();
    }

    @Test
    void aResetDuringAReplayLeavesTheMemoryToIt() throws Throwable {
        DeviceArena step = device.arena("step");
        Tensor target = step.tensor(DType.F32, 1);
        Launch pausing =
                device.plan(Scripted.named("pause"))
                        .bind(arena, new Scripted.Args(vector), workspace);
        Tensor result = arena.tensor(DType.F32, 1);
        Graph graph =
                device.record(
                        arena,
                        recorder -> {
                            recorder.fill(target, 6);
                            recorder.submit(pausing);
                        });
        flight.start(
                () -> {
                    try (Stream first = device.stream("first")) {
                        first.replay(graph);
                        return null;
                    }
                });
        var memory = target.segment();
        step.reset();
        stream.fill(step.tensor(DType.F32, 1), 7);
        assertEquals(6, memory.get(ValueLayout.JAVA_FLOAT, 0));
        flight.finish();
        assertFalse(memory.scope().isAlive());
        assertThrows(StaleGraphException.class, () -> stream.replay(graph));
        stream.fill(result, 1);
        step.close();
    }
}
