package dev.halcyon.hal.host;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceDescription;
import dev.halcyon.hal.DeviceOptions;
import dev.halcyon.hal.Expect;
import dev.halcyon.hal.FakeBackend;
import dev.halcyon.hal.FallbackPolicy;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.Warnings;
import dev.halcyon.hal.error.DeviceExecutionException;
import dev.halcyon.hal.error.UnsupportedKernelException;
import dev.halcyon.hal.kernel.elementwise.Axpby;
import dev.halcyon.hal.kernel.elementwise.Embedding;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.util.Map;

/// Another device computes only where the caller's policy says so, visibly.
final class FallbackTest {
    private static final Axpby SPEC = Axpby.add(4, 2, DType.F32);

    private final Warnings warnings = new Warnings();
    private final Device target = FakeBackend.open();
    private final Device device = bare(DeviceOptions.defaults().withTracing());
    private final DeviceArena arena = device.arena("operands");
    private final Stream stream = device.stream("main");
    private final Tensor x = arena.tensor(DType.F32, 2, 2);
    private final Tensor y = arena.tensor(DType.F32, 2, 2);
    private final Tensor out = arena.tensor(DType.F32, 2, 2);

    /// {@return a device without kernels}
    static Device bare(DeviceOptions options) {
        return HostDevice.builder(
                        new DeviceDescription("bare", 0, "no kernels", true, Map.of()), options)
                .build();
    }

    @AfterEach
    void close() {
        stream.close();
        arena.close();
        device.close();
        target.close();
        warnings.close();
    }

    private Plan<Axpby.Args> plan() {
        return device.plan(SPEC, FallbackPolicy.allow(target));
    }

    private Launch bind(Plan<Axpby.Args> plan, Axpby.Args args) {
        return plan.bind(arena, args, device.workspace(arena, plan));
    }

    @Test
    void thereIsNoneUnlessItIsAskedFor() {
        assertThrows(UnsupportedKernelException.class, () -> device.plan(SPEC));
        assertThrows(
                UnsupportedKernelException.class, () -> device.plan(SPEC, FallbackPolicy.NONE));
        assertThrows(
                UnsupportedKernelException.class, () -> stream.run(SPEC, Axpby.Args.of(x, y, out)));
        assertEquals(0, device.counters().fallbacks());
    }

    @Test
    void whatTheDeviceTakesItselfDoesNotFallBack() {
        try (Device other = FakeBackend.open()) {
            Plan<Axpby.Args> own = target.plan(SPEC, FallbackPolicy.allow(other));
            assertSame(target.plan(SPEC), own);
        }
    }

    @Test
    void runsThereAndBringsTheResultBack() {
        stream.write(x, 1f, 2f, 3f, 4f);
        stream.write(y, 10f, 20f, 30f, 40f);
        Plan<Axpby.Args> plan = plan();
        assertEquals("fallback/fake:0/axpby.loop", plan.support().implementation().toString());
        assertFalse(plan.support().capturable());
        assertSame(device, plan.device());
        Launch launch = bind(plan, Axpby.Args.of(x, y, out));
        stream.submit(launch);
        assertArrayEquals(new float[] {11, 22, 33, 44}, stream.readFloats(out));
        stream.write(x, 0f, 0f, 0f, 1f);
        stream.submit(launch);
        assertArrayEquals(new float[] {10, 20, 30, 41}, stream.readFloats(out));
        assertEquals(2, device.counters().fallbacks());
        assertEquals(2, device.counters().submits());
        assertEquals(2, target.counters().submits());
    }

    @Test
    void worksInPlaceAndOnViews() {
        Tensor wide = arena.tensor(DType.F32, 2, 6);
        stream.fill(wide, 1);
        Tensor columns = wide.slice(1, 2, 4);
        stream.submit(bind(plan(), Axpby.Args.of(columns, columns, columns)));
        assertArrayEquals(
                new float[] {1, 1, 2, 2, 1, 1, 1, 1, 2, 2, 1, 1}, stream.readFloats(wide));
    }

    @Test
    void isLoggedOnceAKernelHoweverOftenItIsPlanned() {
        for (int i = 0; i < 3; i++) {
            stream.submit(bind(plan(), Axpby.Args.of(x, y, out)));
        }
        warnings.find("bare:0 declined Axpby", "NO_KERNEL", "runs on fake:0", "policy allows");
        assertEquals(1, warnings.messages().size());
    }

    @Test
    void isDeclinedWithBothReasonsIfBothDecline() {
        Expect.thrown(
                UnsupportedKernelException.class,
                () -> device.plan(Axpby.add(4, 2, DType.F64), FallbackPolicy.allow(target)),
                "bare:0",
                "plan Axpby",
                "NO_KERNEL",
                "fallback device fake:0 declines it too, FORMAT",
                "F32 operands");
    }

    @Test
    void checksOperandsLikeAnyPlan() {
        Plan<Axpby.Args> plan = plan();
        Tensor wrong = arena.tensor(DType.F64, 2, 2);
        Expect.thrown(
                IllegalArgumentException.class,
                () -> bind(plan, Axpby.Args.of(wrong, y, out)),
                "Axpby: x");
        try (DeviceArena abroad = target.arena("abroad")) {
            Tensor far = abroad.tensor(DType.F32, 2, 2);
            Expect.thrown(
                    IllegalArgumentException.class,
                    () -> bind(plan, Axpby.Args.of(far, y, out)),
                    "x is memory of fake:0");
        }
    }

    @Test
    void releasesItsCopiesOnceTheirOperandsAreStale() {
        Plan<Axpby.Args> plan = plan();
        long most = 0;
        for (int step = 0; step < 50; step++) {
            try (DeviceArena operands = device.arena("step")) {
                Tensor vector = operands.tensor(DType.F32, 2, 2);
                stream.submit(
                        plan.bind(
                                operands,
                                Axpby.Args.of(vector, vector, vector),
                                device.workspace(operands, plan)));
            }
            long reserved = target.counters().bytesReserved();
            most = step == 1 ? reserved : most;
            assertEquals(step == 0 ? reserved : most, reserved, "step " + step);
        }
        device.close();
        assertEquals(0, target.counters().bytesReserved());
    }

    @Test
    void aFaultThereFailsTheStreamHereAndNoLaterOne() {
        Tensor ids = arena.tensor(DType.I32, 2);
        Tensor table = arena.tensor(DType.F32, 3, 2);
        stream.write(ids, 0, 5);
        Plan<Embedding.Args> plan =
                device.plan(Embedding.of(4, 3, 2, DType.F32), FallbackPolicy.allow(target));
        Launch launch =
                plan.bind(arena, Embedding.Args.of(ids, table, out), device.workspace(arena, plan));
        Expect.thrown(
                DeviceExecutionException.class,
                () -> stream.submit(launch),
                "bare:0",
                "ids[1] is 5");
        try (Stream another = device.stream("another")) {
            another.write(ids, 0, 2);
            another.submit(launch);
            another.synchronize();
        }
        assertEquals(1, device.counters().fallbacks(), "what failed is not counted as a use");
    }
}
