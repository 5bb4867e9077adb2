package dev.halcyon.hal.spi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.Expect;
import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.Scripted;
import dev.halcyon.hal.Scripted.Script;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Lowering;
import dev.halcyon.hal.kernel.elementwise.Axpby;
import dev.halcyon.hal.memory.DType;

import org.junit.jupiter.api.Test;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiFunction;

/// One decision for `supports` and `plan`: by kernel, else by lowering, and never a newer spec by
/// an older kernel.
final class KernelRegistryTest {
    private static final Scripted SPEC = Scripted.named("work");

    private static Decision<Scripted.Args, HostWork> run(Scripted spec, long workspaceBytes) {
        return Script.planned(spec, workspaceBytes, (vector, faults) -> {});
    }

    private static Decision<Scripted.Args, HostWork> refused(Support.Reason reason) {
        return Decision.refused(reason, "no " + reason, "another");
    }

    private static Support decide(
            int revision,
            BiFunction<Scripted, Limits, Decision<Scripted.Args, HostWork>> script,
            Scripted spec,
            Limits limits) {
        return registry(revision, script).decide(spec, limits).support();
    }

    private static KernelRegistry<HostWork> registry(
            int revision, BiFunction<Scripted, Limits, Decision<Scripted.Args, HostWork>> script) {
        return new KernelRegistry<HostWork>(HostWork::inOrder)
                .register(new Script(revision, script));
    }

    private static Support.Declined declined(
            Support support, Support.Reason reason, String... words) {
        Support.Declined declined = assertInstanceOf(Support.Declined.class, support);
        assertEquals(reason, declined.reason());
        assertFalse(declined.isNative());
        Expect.contains(declined.toString(), words);
        return declined;
    }

    @Test
    void aSpecRunsByItsKernel() {
        Support.Native runs =
                assertInstanceOf(
                        Support.Native.class,
                        decide(1, (spec, limits) -> run(spec, 0), SPEC, Limits.NONE));
        assertEquals(new Implementation("work", ""), runs.implementation());
        assertTrue(runs.isNative() && runs.capturable() && !runs.lowered());
    }

    @Test
    void aSpecWithoutKernelIsDeclined() {
        declined(
                registry(1, (spec, limits) -> run(spec, 0))
                        .decide(Axpby.add(1, 1, DType.F32), Limits.NONE)
                        .support(),
                Support.Reason.NO_KERNEL,
                "no kernel for Axpby");
    }

    @Test
    void aKernelsRefusalIsTheAnswer() {
        declined(
                decide(1, (spec, limits) -> refused(Support.Reason.HARDWARE), SPEC, Limits.NONE),
                Support.Reason.HARDWARE,
                "no HARDWARE; another");
    }

    @Test
    void aNewerSpecIsNeverComputedByAnOlderKernelNorLowered() {
        Scripted newer = SPEC.withRevision(3);
        for (Scripted spec : List.of(newer, newer.withHalves())) {
            declined(
                    decide(
                            2,
                            (asked, limits) -> {
                                throw new AssertionError("an older kernel is not asked");
                            },
                            spec,
                            Limits.NONE),
                    Support.Reason.SPEC_NEWER_THAN_BACKEND,
                    "work uses revision 3",
                    "the kernel knows 2",
                    "newer version of the backend");
        }
        assertTrue(decide(3, (spec, limits) -> run(spec, 0), newer, Limits.NONE).isNative());
        assertTrue(decide(4, (spec, limits) -> run(spec, 0), newer, Limits.NONE).isNative());
    }

    @Test
    void aPlanThatIsNotBatchInvariantIsNoAnswerToASpecThatAsks() {
        BiFunction<Scripted, Limits, Decision<Scripted.Args, HostWork>> varying =
                (spec, limits) ->
                        Decision.planned(
                                new Implementation("fast", ""),
                                new Numerics(DType.F32, false, true),
                                0,
                                (args, workspace) -> faults -> {});
        assertTrue(decide(1, varying, SPEC, Limits.NONE).isNative());
        declined(
                decide(1, varying, SPEC.withBatchInvariance(), Limits.NONE),
                Support.Reason.NUMERICS,
                "fast does not promise the batch invariance that work asks for",
                "without batchInvariant");
    }

    @Test
    void aPlanStaysWithinTheLimits() {
        assertTrue(
                decide(1, (spec, limits) -> run(spec, 100), SPEC, Limits.workspace(100))
                        .isNative());
        declined(
                decide(1, (spec, limits) -> run(spec, 101), SPEC, Limits.workspace(100)),
                Support.Reason.WORKSPACE,
                "work needs a workspace of 101 bytes, the limit is 100",
                "at least 101 bytes");
    }

    @Test
    void aKernelMaySliceItsWorkToFit() {
        BiFunction<Scripted, Limits, Decision<Scripted.Args, HostWork>> slicing =
                (spec, limits) -> run(spec, Math.min(1000, limits.workspaceBytes()));
        Decision<Scripted.Args, HostWork> decision =
                registry(1, slicing).decide(SPEC, Limits.workspace(10));
        assertEquals(10, assertInstanceOf(Decision.Planned.class, decision).workspaceBytes());
    }

    @Test
    void oneKernelASpecClass() {
        KernelRegistry<HostWork> registry = registry(1, (spec, limits) -> run(spec, 0));
        Script another = new Script(1, (spec, limits) -> run(spec, 0));
        Expect.thrown(
                IllegalStateException.class,
                () -> registry.register(another),
                "Scripted has a kernel already",
                Script.class.getName());
        assertEquals(Set.of("scripted"), registry.implementations());
    }

    /// The coarse spec has no kernel, its halves have one that `script` speaks for.
    private static Decision<Scripted.Args, HostWork> lower(
            BiFunction<Scripted, Limits, Decision<Scripted.Args, HostWork>> script,
            Scripted coarse,
            Limits limits) {
        return registry(
                        1,
                        (spec, within) ->
                                spec.halves()
                                        ? refused(Support.Reason.SHAPE)
                                        : script.apply(spec, within))
                .decide(coarse, limits);
    }

    @Test
    void whatItsKernelDeclinesRunsInItsSteps() {
        Decision<Scripted.Args, HostWork> decision =
                lower((spec, limits) -> run(spec, 0), SPEC.withHalves(), Limits.NONE);
        Support.Native runs = assertInstanceOf(Support.Native.class, decision.support());
        assertTrue(runs.lowered() && runs.capturable());
        assertEquals("work.lowered", runs.implementation().name());
        assertEquals(
                Scripted.LOWERED_SCRATCH_BYTES,
                assertInstanceOf(Decision.Planned.class, decision).workspaceBytes());
    }

    @Test
    void aLoweringPromisesWhatAllItsStepsDo() {
        BiFunction<Scripted, Limits, Decision<Scripted.Args, HostWork>> mixed =
                (spec, limits) ->
                        new Decision.Planned<>(
                                spec.name().endsWith("1")
                                        ? new Support.Native(
                                                new Implementation("one", ""),
                                                new Numerics(DType.BF16, true, false),
                                                true,
                                                false)
                                        : new Support.Native(
                                                new Implementation("two", ""),
                                                new Numerics(DType.F32, false, true),
                                                false,
                                                false),
                                0,
                                (args, workspace) -> faults -> {});
        Support.Native runs =
                assertInstanceOf(
                        Support.Native.class,
                        lower(mixed, SPEC.withHalves(), Limits.NONE).support());
        assertEquals(new Numerics(DType.BF16, false, false), runs.numerics());
        assertFalse(runs.capturable());
        declined(
                lower(mixed, SPEC.withHalves().withBatchInvariance(), Limits.NONE).support(),
                Support.Reason.NUMERICS,
                "work.lowered does not promise");
    }

    @Test
    void theStepThatIsDeclinedIsNamedAndSoIsWhyTheWholeWas() {
        declined(
                lower(
                                (spec, limits) ->
                                        spec.name().endsWith("2")
                                                ? refused(Support.Reason.FORMAT)
                                                : run(spec, 0),
                                SPEC.withHalves(),
                                Limits.NONE)
                        .support(),
                Support.Reason.FORMAT,
                "no SHAPE",
                "step work.half2 of its lowering is declined: no FORMAT",
                "another");
    }

    /// A spec whose intermediates no machine can hold.
    private record Vast(long elements, int pieces) implements KernelSpec<Scripted.Args> {
        @Override
        public void validate(Scripted.Args args) {}

        @Override
        public Cost cost() {
            return Cost.ZERO;
        }

        @Override
        public Optional<Lowering<Scripted.Args>> lowering() {
            Lowering.Builder<Scripted.Args> builder = Lowering.builder();
            for (int i = 0; i < pieces; i++) {
                builder.scratch("piece" + i, DType.F32, elements);
            }
            return Optional.of(builder.step(SPEC, (args, scratch) -> args).build());
        }
    }

    @Test
    void intermediatesBeyondALongAreDeclinedAndNoNegativeWorkspace() {
        KernelRegistry<HostWork> registry = registry(1, (spec, limits) -> run(spec, 0));
        for (Vast vast :
                List.of(
                        new Vast(Long.MAX_VALUE, 1),
                        new Vast(1L << 60, 2),
                        new Vast(Long.MAX_VALUE / 4, 1))) {
            declined(
                    registry.decide(vast, Limits.NONE).support(),
                    Support.Reason.SHAPE,
                    "Vast",
                    "more bytes than a long can count",
                    "smaller bounds");
        }
        declined(
                registry.decide(new Vast(1L << 40, 1), Limits.workspace(1 << 30)).support(),
                Support.Reason.WORKSPACE,
                "Vast needs a workspace of 4398046511104 bytes");
    }

    @Test
    void stepsShareTheRestOfTheWorkspace() {
        BiFunction<Scripted, Limits, Decision<Scripted.Args, HostWork>> hungry =
                (spec, limits) -> run(spec, spec.name().endsWith("1") ? 1000 : 300);
        long needed = Scripted.LOWERED_SCRATCH_BYTES + 1000;
        Decision<Scripted.Args, HostWork> decision =
                lower(hungry, SPEC.withHalves(), Limits.workspace(needed));
        assertEquals(needed, assertInstanceOf(Decision.Planned.class, decision).workspaceBytes());
        declined(
                lower(hungry, SPEC.withHalves(), Limits.workspace(needed - 1)).support(),
                Support.Reason.WORKSPACE,
                "work has intermediates of 128 bytes",
                "at most 1127",
                "step work.half1",
                "128 bytes besides what the step needs",
                "at least 1000 bytes");
        declined(
                lower((spec, limits) -> run(spec, 0), SPEC.withHalves(), Limits.workspace(127))
                        .support(),
                Support.Reason.WORKSPACE,
                "work needs a workspace of 128 bytes, the limit is 127");
    }
}
