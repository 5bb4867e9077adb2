package dev.halcyon.tck.conformance;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.Graph;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.error.DeviceExecutionException;
import dev.halcyon.hal.error.UnsupportedKernelException;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.Workspace;
import dev.halcyon.tck.verify.Verdict;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/// Puts one case through the rules: eagerly and twice, recorded and replayed with changed inputs in
/// a bounded plan, behind a timepoint of another stream, and with fewer rows where a plan promises
/// batch invariance.
final class ProblemRun {
    private static final int WORKSPACE_BAND = 256;
    private static final byte WORKSPACE_GUARD = (byte) 0xa5;
    private static final byte WORKSPACE_POISON = (byte) 0xff;

    private final Device device;
    private final ProblemCase given;
    private final long seed;
    private final Set<String> implementations = new TreeSet<>();
    private Difference worst = Difference.NONE;

    ProblemRun(Device device, ProblemCase given, long seed) {
        this.device = device;
        this.given = given;
        this.seed = seed;
    }

    /// A rule that was broken.
    private static final class Broken extends RuntimeException {
        private static final long serialVersionUID = 1;

        Broken(String rule, String what) {
            super(rule + ": " + what);
        }
    }

    /// Results of a launch with what they should be.
    private record Outcome(ProblemMemory.Written written, Map<String, Expected> expected) {}

    CaseResult run() {
        try {
            Problem exact = given.exact(device, seed);
            if (device.supports(exact.spec()) instanceof Support.Declined declined) {
                requireRefusal(exact.spec());
                return result(Verdict.DECLINED, declined.toString());
            }
            if (exact.isFaulty()) {
                faulty(exact);
            } else {
                rules(exact);
            }
            return result(Verdict.PASS, "");
        } catch (Broken broken) {
            return result(Verdict.FAIL, String.valueOf(broken.getMessage()));
        } catch (UnsupportedKernelException declined) {
            return result(Verdict.DECLINED, String.valueOf(declined.getMessage()));
        } catch (RuntimeException | StackOverflowError failed) {
            return result(Verdict.FAIL, "threw " + failed);
        }
    }

    private CaseResult result(Verdict verdict, String detail) {
        return new CaseResult(
                given.name(),
                given.spec(),
                verdict,
                worst.error(),
                worst.tolerance(),
                implementations,
                detail.isEmpty() ? "" : detail + " [seed " + seed + "]");
    }

    private void requireRefusal(KernelSpec<?> spec) {
        try {
            device.plan(spec);
        } catch (UnsupportedKernelException refused) {
            return;
        }
        throw new Broken("decision", "supports() declines, but plan() takes the spec");
    }

    private void rules(Problem exact) {
        Outcome first = eager("eager", exact, false);
        Outcome again = eager("eager again", exact, false);
        Support.Native support = support(exact.spec());
        if (support.numerics().reproducible()) {
            requireSameBits("reproducible", first, again, exact, Integer.MAX_VALUE);
        }
        if (exact.slots().stream().allMatch(slot -> !slot.name().equals("activeRows"))) {
            limits(exact.spec());
        }
        Problem bounded = given.bounded(device, seed);
        Outcome replayed = recorded(bounded, given.bounded(device, seed + 1));
        behindTimepoint(given.exact(device, seed + 2));
        boolean invariant =
                support.numerics().batchInvariant()
                        && !exact.perRow().isEmpty()
                        && given.rows() > 1;
        if (invariant) {
            requireSameBits(
                    "batch invariance under another bound", first, replayed, exact, given.rows());
            if (exact.isDivisible()) {
                int fewer = given.rows() / 2;
                Outcome some = eager("fewer rows", given.exact(device, seed, fewer), false);
                requireSameBits("batch invariance with fewer rows", some, first, exact, fewer);
            }
        }
    }

    private Support.Native support(KernelSpec<?> spec) {
        if (device.supports(spec) instanceof Support.Native support) {
            return support;
        }
        throw new Broken("decision", "supports() has changed its mind");
    }

    /// A plan that is given the very workspace it asks for must still be made.
    private void limits(KernelSpec<?> spec) {
        Plan<?> plan = device.plan(spec);
        if (!device.supports(spec, Limits.workspace(plan.workspaceBytes())).isNative()) {
            throw new Broken(
                    "limits",
                    "declined with the " + plan.workspaceBytes() + " bytes that its plan asks for");
        }
        if (!plan.support().implementation().equals(support(spec).implementation())) {
            throw new Broken(
                    "decision",
                    "plan() took "
                            + plan.support().implementation()
                            + ", supports() said "
                            + support(spec).implementation());
        }
    }

    private Outcome eager(String rule, Problem problem, boolean shifted) {
        try (DeviceArena arena = device.arena(given.name());
                Stream stream = device.stream("tck")) {
            Bound<?> bound = bind(arena, problem, shifted);
            bound.memory.fill(stream, problem);
            bound.poisonWorkspace(stream);
            stream.submit(bound.launch);
            stream.synchronize();
            return check(rule, problem, bound, stream);
        }
    }

    /// Rows have gaps and begin at odd places here, and the plan is bounded.
    private Outcome recorded(Problem problem, Problem changed) {
        try (DeviceArena arena = device.arena(given.name());
                Stream stream = device.stream("tck")) {
            Bound<?> bound = bind(arena, problem, true);
            if (!bound.plan.support().capturable()) {
                bound.memory.fill(stream, problem);
                bound.poisonWorkspace(stream);
                stream.submit(bound.launch);
                stream.synchronize();
                return check("bounded", problem, bound, stream);
            }
            Launch launch = bound.launch;
            Graph graph = device.record(arena, recorder -> recorder.submit(launch));
            Outcome first = replay("replayed", problem, bound, graph, stream);
            replay("replayed with changed inputs", changed, bound, graph, stream);
            return first;
        }
    }

    private Outcome replay(
            String rule, Problem content, Bound<?> bound, Graph graph, Stream stream) {
        bound.memory.fill(stream, content);
        bound.poisonWorkspace(stream);
        stream.replay(graph);
        stream.synchronize();
        return check(rule, content, bound, stream);
    }

    private void behindTimepoint(Problem problem) {
        try (DeviceArena arena = device.arena(given.name());
                Stream writer = device.stream("tck writer");
                Stream stream = device.stream("tck")) {
            Bound<?> bound = bind(arena, problem, false);
            bound.memory.fill(writer, problem);
            bound.poisonWorkspace(writer);
            stream.waitFor(writer.mark());
            stream.submit(bound.launch);
            stream.synchronize();
            check("behind a timepoint", problem, bound, stream);
        }
    }

    private void faulty(Problem problem) {
        try (DeviceArena arena = device.arena(given.name());
                Stream stream = device.stream("tck");
                Stream reader = device.stream("tck reader")) {
            Bound<?> bound = bind(arena, problem, false);
            bound.memory.fill(stream, problem);
            bound.poisonWorkspace(stream);
            try {
                stream.submit(bound.launch);
                stream.synchronize();
            } catch (DeviceExecutionException expected) {
                check("bad index", problem, bound, reader);
                return;
            }
            throw new Broken("bad index", "the stream did not fail at the next wait");
        }
    }

    /// A plan bound to guarded memory.
    private final class Bound<A extends KernelArgs> {
        private final ProblemMemory memory;
        private final KernelSpec<A> spec;
        private final A args;
        private final Plan<A> plan;
        private final Launch launch;
        private final Tensor scratch;

        @SuppressWarnings("unchecked")
        Bound(DeviceArena arena, Problem problem, KernelSpec<A> spec, boolean shifted) {
            this.memory = new ProblemMemory(device, arena, problem, shifted);
            this.spec = spec;
            // The arguments are made from the very record that the spec nests.
            this.args = (A) memory.args();
            this.plan = device.plan(spec);
            this.scratch = arena.tensor(DType.U8, plan.workspaceBytes() + 2 * WORKSPACE_BAND);
            Tensor inner =
                    Tensor.of(
                            scratch.buffer(),
                            scratch.byteOffset() + WORKSPACE_BAND,
                            DType.U8,
                            Shape.of(plan.workspaceBytes()));
            this.launch = plan.bind(arena, args, new Workspace(inner));
            implementations.add(plan.support().implementation().name());
        }

        void poisonWorkspace(Stream stream) {
            byte[] bytes = new byte[Math.toIntExact(scratch.byteSize())];
            Arrays.fill(bytes, WORKSPACE_GUARD);
            Arrays.fill(bytes, WORKSPACE_BAND, bytes.length - WORKSPACE_BAND, WORKSPACE_POISON);
            stream.upload(scratch, MemorySegment.ofArray(bytes));
        }

        boolean isWorkspaceIntact(Stream stream) {
            byte[] bytes = new byte[Math.toIntExact(scratch.byteSize())];
            stream.download(MemorySegment.ofArray(bytes), scratch);
            for (int i = 0; i < WORKSPACE_BAND; i++) {
                if (bytes[i] != WORKSPACE_GUARD || bytes[bytes.length - 1 - i] != WORKSPACE_GUARD) {
                    return false;
                }
            }
            return true;
        }

        ProblemMemory.Written download(Stream stream) {
            return memory.download(stream, args, spec.operands(args));
        }
    }

    private Bound<?> bind(DeviceArena arena, Problem problem, boolean shifted) {
        return bind(arena, problem, problem.spec(), shifted);
    }

    private <A extends KernelArgs> Bound<A> bind(
            DeviceArena arena, Problem problem, KernelSpec<A> spec, boolean shifted) {
        return new Bound<>(arena, problem, spec, shifted);
    }

    private Outcome check(String rule, Problem problem, Bound<?> bound, Stream stream) {
        implementations.addAll(bound.memory.implementations());
        ProblemMemory.Written written = bound.download(stream);
        if (!written.damage().isEmpty()) {
            throw new Broken(rule, String.join("; ", written.damage()));
        }
        if (!bound.isWorkspaceIntact(stream)) {
            throw new Broken(rule, "memory beside the workspace was written");
        }
        Map<String, Expected> expected = Reference.of(problem.spec(), bound.memory.before());
        expected.forEach((name, values) -> compare(rule, problem, name, values, written));
        return new Outcome(written, expected);
    }

    private void compare(
            String rule,
            Problem problem,
            String name,
            Expected expected,
            ProblemMemory.Written written) {
        double[] actual = written.values().get(name);
        if (actual == null) {
            return;
        }
        Difference difference =
                Difference.of(
                        name,
                        expected,
                        actual,
                        problem.tolerance(dtype(problem, name)),
                        problem.terms());
        worst = worst.worse(difference);
        if (!difference.isWithin()) {
            throw new Broken(rule, difference.describe());
        }
    }

    private static DType dtype(Problem problem, String name) {
        return switch (problem.slot(name)) {
            case Slot.Plain plain -> plain.dtype();
            case Slot.Listed listed -> listed.elements().getFirst().dtype();
            case Slot.Pages pages -> pages.rows().dtype();
            case Slot.Same same -> dtype(problem, same.other());
            // Codes and scales of a quantizer are exact, and so is what a packing moves.
            case null, default -> DType.I32;
        };
    }

    /// Compares the elements of the first `rows` rows that are specified.
    private static void requireSameBits(
            String rule, Outcome a, Outcome b, Problem problem, int rows) {
        boolean all = rows == Integer.MAX_VALUE;
        for (Map.Entry<String, Expected> entry : a.expected().entrySet()) {
            String name = entry.getKey();
            byte[] one = a.written().bits().get(name);
            byte[] other = b.written().bits().get(name);
            if (one == null || other == null || !all && !problem.perRow().contains(name)) {
                continue;
            }
            int elements = entry.getValue().values().length;
            int width = elements == 0 ? 1 : one.length / elements;
            for (int i = 0; i < Math.min(one.length, other.length); i++) {
                boolean open =
                        entry.getValue().open().get(i / width)
                                || b.expected().get(name).open().get(i / width);
                if (one[i] != other[i] && !open) {
                    throw new Broken(
                            rule,
                            name + " differs in byte " + i % width + " of element " + i / width);
                }
            }
        }
    }
}
