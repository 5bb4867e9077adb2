package dev.halcyon.hal.spi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceOptions;
import dev.halcyon.hal.Expect;
import dev.halcyon.hal.FakeBackend;
import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.Scripted;
import dev.halcyon.hal.Scripted.Script;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.Workspace;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;

/// A lowered launch runs its steps in order, each with its intermediates and its scratch where they
/// may be.
final class LoweringBindTest {
    private final List<String> ran = new ArrayList<>();
    private final List<Tensor> vectors = new ArrayList<>();
    private final List<Tensor> scratches = new ArrayList<>();
    private final Device device =
            FakeBackend.builder(DeviceOptions.defaults())
                    .kernel(new Script(1, (spec, limits) -> decide(spec)))
                    .build();
    private final DeviceArena arena = device.arena("lowered");
    private final Stream stream = device.stream("main");

    private Decision<Scripted.Args, HostWork> decide(Scripted spec) {
        if (spec.halves()) {
            return Decision.refused(Support.Reason.SHAPE, "too coarse", "its halves");
        }
        return Decision.planned(
                new Implementation(spec.name(), ""),
                Numerics.F32_INVARIANT,
                200,
                (args, workspace) -> {
                    if (args.vector().dim(0) > 100) {
                        throw new IllegalArgumentException("vector is too long");
                    }
                    vectors.add(args.vector());
                    scratches.add(workspace);
                    return faults -> ran.add(spec.name());
                });
    }

    @AfterEach
    void close() {
        stream.close();
        arena.close();
        device.close();
    }

    @Test
    void stepsRunInOrderOverScratchThatOverlapsNothing() {
        Plan<Scripted.Args> plan = device.plan(Scripted.named("whole").withHalves());
        assertEquals(Scripted.LOWERED_SCRATCH_BYTES + 200, plan.workspaceBytes());
        Tensor vector = arena.tensor(DType.F32, 4);
        Workspace workspace = device.workspace(arena, plan);
        assertEquals(plan.workspaceBytes(), workspace.byteSize());
        stream.submit(plan.bind(arena, new Scripted.Args(vector), workspace));
        assertEquals(List.of("whole.half1", "whole.half2"), ran);
        assertEquals(vector.address(), vectors.get(0).address());
        Tensor middle = vectors.get(1);
        assertEquals(25, middle.elements());
        for (Tensor scratch : scratches) {
            assertTrue(scratch.byteSize() >= 200);
            assertTrue(!Overlap.between(scratch, middle), "the intermediate is not scratch");
            assertEquals(0, scratch.address() % 64);
        }
    }

    @Test
    void aLargerWorkspaceWillDo() {
        Plan<Scripted.Args> plan = device.plan(Scripted.named("whole").withHalves());
        Workspace workspace = new Workspace(arena.tensor(DType.U8, 10_000).slice(0, 640, 9000));
        stream.submit(plan.bind(arena, new Scripted.Args(arena.tensor(DType.F32, 4)), workspace));
        assertEquals(2, ran.size());
    }

    @Test
    void aStepThatRefusesItsArgumentsIsNamed() {
        Plan<Scripted.Args> plan = device.plan(Scripted.named("whole").withHalves());
        Scripted.Args args = new Scripted.Args(arena.tensor(DType.F32, 101));
        Expect.thrown(
                IllegalArgumentException.class,
                () -> plan.bind(arena, args, device.workspace(arena, plan)),
                "whole: in its step whole.half1: vector is too long");
    }
}
