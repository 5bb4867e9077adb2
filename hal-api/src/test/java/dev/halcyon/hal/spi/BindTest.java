package dev.halcyon.hal.spi;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceOptions;
import dev.halcyon.hal.Expect;
import dev.halcyon.hal.FakeBackend;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.Scripted;
import dev.halcyon.hal.Scripted.Script;
import dev.halcyon.hal.kernel.elementwise.Axpby;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.Workspace;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// Every check of `bind`, and that its message names the kernel, the operand, the value and the
/// remedy.
final class BindTest {
    private final Device device =
            FakeBackend.builder(DeviceOptions.defaults())
                    .kernel(
                            new Script(
                                    1,
                                    (spec, limits) ->
                                            Script.planned(spec, 256, (vector, faults) -> {})))
                    .build();
    private final DeviceArena arena = device.arena("operands");
    private final Plan<Axpby.Args> plan = device.plan(Axpby.add(8, 4, DType.F32));
    private final Tensor x = arena.tensor(DType.F32, 8, 4);
    private final Tensor y = arena.tensor(DType.F32, 8, 4);
    private final Tensor out = arena.tensor(DType.F32, 8, 4);
    private final Workspace none = device.workspace(arena, plan);

    @AfterEach
    void close() {
        arena.close();
        device.close();
    }

    private Launch bind(Tensor first, Tensor second, Tensor result) {
        return plan.bind(arena, Axpby.Args.of(first, second, result), none);
    }

    private void refused(Tensor first, Tensor second, Tensor result, String... words) {
        Expect.thrown(IllegalArgumentException.class, () -> bind(first, second, result), words);
    }

    @Test
    void aLaunchKnowsItsPlanAndItsCost() {
        Launch launch = bind(x.slice(0, 0, 3), y.slice(0, 0, 3), out.slice(0, 0, 3));
        assertEquals(plan, launch.plan());
        assertEquals(36, launch.cost().flops());
        assertEquals(3 * 4 * 4 * 3, launch.cost().bytes());
        assertTrue(launch.isAlive());
    }

    @Test
    void whatTheSpecRefusesIsRefusedInTheKernelsName() {
        refused(
                arena.tensor(DType.F32, 9, 4),
                y,
                out,
                "Axpby: x has 9 rows, the plan's upper bound is 8");
        refused(
                x,
                arena.tensor(DType.F64, 8, 4),
                out,
                "Axpby: y must be F32 [*, 4], not F64 [8, 4]");
        refused(
                x,
                y,
                arena.tensor(DType.F32, 4, 8).transpose(0, 1),
                "Axpby: out must have stride 1");
    }

    @Test
    void aStaleOperandIsRefused() {
        DeviceArena other = device.arena("other");
        Tensor stale = other.tensor(DType.F32, 8, 4);
        other.reset();
        Expect.thrown(
                IllegalStateException.class,
                () -> bind(x, stale, out),
                "Axpby: y is stale",
                "arena \"other\" was closed or reset",
                "make it again");
        other.close();
        Expect.thrown(IllegalStateException.class, () -> bind(stale, y, out), "Axpby: x is stale");
    }

    @Test
    void anOperandOfAnotherDeviceIsRefused() {
        try (Device foreign = FakeBackend.open();
                DeviceArena abroad = foreign.arena("abroad")) {
            Tensor far = abroad.tensor(DType.F32, 8, 4);
            refused(
                    far,
                    y,
                    out,
                    "Axpby: x is memory of fake:0",
                    "the plan is for fake:0",
                    "stream.copy");
            Workspace farWorkspace = foreign.workspace(abroad);
            Axpby.Args args = Axpby.Args.of(x, y, out);
            Expect.thrown(
                    IllegalArgumentException.class,
                    () -> plan.bind(abroad, args, none),
                    "Axpby: the launch's arena is of fake:0");
            Expect.thrown(
                    IllegalArgumentException.class,
                    () -> plan.bind(arena, args, farWorkspace),
                    "Axpby: the launch's arena is of fake:0 and its workspace of fake:0");
            Expect.thrown(
                    IllegalArgumentException.class,
                    () -> device.workspace(abroad, plan),
                    "workspace: arena \"abroad\" is of fake:0");
            Expect.thrown(
                    IllegalArgumentException.class,
                    () -> foreign.workspace(abroad, plan),
                    "a plan of fake:0");
        }
    }

    @Test
    void aClosedArenaHoldsNoLaunch() {
        DeviceArena launches = device.arena("launches");
        launches.close();
        Expect.thrown(
                IllegalStateException.class,
                () -> plan.bind(launches, Axpby.Args.of(x, y, out), none),
                "Axpby: the arena \"launches\" for the launch is closed",
                "bind in one that is open");
    }

    @Test
    void aWorkspaceIsLargeEnoughAndAliveEvenIfNoneIsNeeded() {
        Plan<Scripted.Args> hungry = device.plan(Scripted.named("hungry"));
        assertEquals(256, hungry.workspaceBytes());
        Scripted.Args args = new Scripted.Args(arena.tensor(DType.F32, 4));
        assertEquals(256, device.workspace(arena, plan, hungry).byteSize());
        assertEquals(0, device.workspace(arena).byteSize());
        Expect.thrown(
                IllegalArgumentException.class,
                () -> hungry.bind(arena, args, new Workspace(arena.tensor(DType.U8, 255))),
                "hungry: the workspace has 255 bytes, the plan needs 256",
                "device.workspace(arena, plans)");
        DeviceArena scratch = device.arena("scratch");
        Workspace stale = device.workspace(scratch, plan, hungry);
        scratch.reset();
        Expect.thrown(
                IllegalStateException.class,
                () -> hungry.bind(arena, args, stale),
                "workspace is stale",
                "\"scratch\"");
        Expect.thrown(
                IllegalStateException.class,
                () -> plan.bind(arena, Axpby.Args.of(x, y, out), stale),
                "Axpby: the workspace is stale",
                "device.workspace");
        scratch.close();
        Tensor shared = arena.tensor(DType.U8, 1024);
        Tensor vector =
                shared.slice(0, 128, 256)
                        .reinterpret(DType.F32, dev.halcyon.hal.memory.Shape.of(32));
        Expect.thrown(
                IllegalArgumentException.class,
                () -> hungry.bind(arena, new Scripted.Args(vector), new Workspace(shared)),
                "hungry: vector",
                "overlaps workspace",
                "memory of its own");
    }

    @Test
    void anOutputOverlapsNothingButWhatTheSpecNames() {
        assertDoesNotThrow(() -> bind(x, y, out));
        assertDoesNotThrow(() -> bind(x, x, out), "inputs may be the same");
        assertDoesNotThrow(() -> bind(x, y, x), "out may be exactly x");
        assertDoesNotThrow(() -> bind(x, x, x));
        Tensor rows = arena.tensor(DType.F32, 12, 4);
        refused(
                rows.slice(0, 0, 8),
                y,
                rows.slice(0, 4, 12),
                "Axpby: out (F32 [8, 4]) overlaps x (F32 [8, 4])",
                "exactly the same range, but not part of each other");
        assertDoesNotThrow(() -> bind(rows.slice(0, 0, 6), y.slice(0, 0, 6), rows.slice(0, 6, 12)));
        refused(rows.slice(0, 0, 6), y.slice(0, 0, 6), rows.slice(0, 5, 11), "overlaps");
    }

    @Test
    void anInputThatMayNotBeEqualMayNotOverlapAtAll() {
        Plan<Axpby.Args> scaled = device.plan(Axpby.add(8, 4, DType.F32).withDeviceScalars());
        Tensor scalars = out.get(0).slice(0, 0, 2);
        Expect.thrown(
                IllegalArgumentException.class,
                () -> scaled.bind(arena, Axpby.Args.of(x, y, out).withScalars(scalars), none),
                "Axpby: out",
                "overlaps scalars (F32 [2])",
                "give the output memory of its own");
    }

    @Test
    void disjointColumnsOfOneMatrixDoNotOverlap() {
        Tensor wide = arena.tensor(DType.F32, 8, 12);
        assertDoesNotThrow(
                () -> bind(wide.slice(1, 0, 4), wide.slice(1, 4, 8), wide.slice(1, 8, 12)));
        assertDoesNotThrow(
                () -> bind(wide.slice(1, 8, 12), wide.slice(1, 4, 8), wide.slice(1, 0, 4)));
        assertDoesNotThrow(() -> bind(wide.slice(1, 4, 8), y, wide.slice(1, 4, 8)));
        refused(wide.slice(1, 0, 4), y, wide.slice(1, 3, 7), "out", "overlaps x");
        refused(wide.slice(1, 6, 10), y, wide.slice(1, 3, 7), "out", "overlaps x");
        Tensor shifted = wide.reshape(96).slice(0, 2, 26).reshape(2, 12);
        refused(
                wide.slice(1, 0, 4).slice(0, 0, 2),
                y.slice(0, 0, 2),
                shifted.slice(1, 0, 4),
                "out",
                "overlaps x");
    }

    @Test
    void aLaunchGoesStaleWithEveryArenaItNeeds() {
        DeviceArena launches = device.arena("launches");
        DeviceArena operands = device.arena("more operands");
        DeviceArena scratch = device.arena("scratch");
        for (DeviceArena changed : new DeviceArena[] {launches, operands, scratch}) {
            Launch launch =
                    plan.bind(
                            launches,
                            Axpby.Args.of(x, operands.tensor(DType.F32, 8, 4), out),
                            device.workspace(scratch, plan));
            assertTrue(launch.isAlive());
            changed.reset();
            assertFalse(launch.isAlive());
        }
        Launch launch = bind(x, y, out);
        operands.reset();
        assertTrue(launch.isAlive(), "an arena it does not use");
        launches.close();
        operands.close();
        scratch.close();
    }
}
