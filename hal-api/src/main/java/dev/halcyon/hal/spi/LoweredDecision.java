package dev.halcyon.hal.spi;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Lowering;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/// Plans a coarse spec as the finer ones of its lowering: intermediates at the front of the
/// workspace, the steps' own scratch, one at a time, behind them.
final class LoweredDecision {
    private static final long ALIGNMENT = 64;

    private LoweredDecision() {}

    private record PlannedStep<A extends KernelArgs, B extends KernelArgs, W>(
            Lowering.Step<A, B> step, Decision.Planned<B, W> planned) {
        W bind(A args, Map<String, Tensor> scratch, Tensor workspace) {
            B inner = step.arguments().apply(args, scratch);
            try {
                step.spec().validate(inner);
                return planned.binder().bind(inner, workspace);
            } catch (IllegalArgumentException invalid) {
                throw new IllegalArgumentException(
                        "in its step " + step.spec().name() + ": " + invalid.getMessage(), invalid);
            }
        }
    }

    /// @param own why the spec has no kernel of its own here
    static <A extends KernelArgs, W> Decision<A, W> of(
            KernelRegistry<W> registry,
            KernelSpec<A> spec,
            Lowering<A> lowering,
            Support.Declined own,
            Limits limits,
            Function<List<W>, W> inOrder) {
        try {
            return decide(registry, spec, lowering, own, limits, inOrder);
        } catch (ArithmeticException overflow) {
            return Decision.refused(
                    Support.Reason.SHAPE,
                    spec.name()
                            + " at these bounds needs intermediates of more bytes than a long can"
                            + " count",
                    "smaller bounds");
        }
    }

    private static <A extends KernelArgs, W> Decision<A, W> decide(
            KernelRegistry<W> registry,
            KernelSpec<A> spec,
            Lowering<A> lowering,
            Support.Declined own,
            Limits limits,
            Function<List<W>, W> inOrder) {
        long scratchBytes = 0;
        for (Lowering.Scratch scratch : lowering.scratch()) {
            scratchBytes = Math.addExact(scratchBytes, bytes(scratch));
        }
        List<PlannedStep<A, ?, W>> steps = new ArrayList<>();
        long stepBytes = 0;
        DType accumulate = DType.F64;
        boolean batchInvariant = true;
        boolean reproducible = true;
        boolean capturable = true;
        Limits stepLimits = Limits.workspace(Math.max(0, limits.workspaceBytes() - scratchBytes));
        for (Lowering.Step<A, ?> step : lowering.steps()) {
            Decision<?, W> decision = registry.decide(step.spec(), stepLimits);
            if (decision.support() instanceof Support.Declined declined) {
                if (declined.reason() == Support.Reason.WORKSPACE) {
                    return Decision.refused(
                            declined.reason(),
                            spec.name()
                                    + " has intermediates of "
                                    + scratchBytes
                                    + " bytes in a workspace of at most "
                                    + limits.workspaceBytes()
                                    + ", and step "
                                    + step.spec().name()
                                    + " is declined in the rest: "
                                    + declined.detail(),
                            scratchBytes
                                    + " bytes besides what the step needs: "
                                    + declined.whatWouldWork());
                }
                return Decision.refused(
                        declined.reason(),
                        own.detail()
                                + ", and step "
                                + step.spec().name()
                                + " of its lowering is declined: "
                                + declined.detail(),
                        declined.whatWouldWork());
            }
            PlannedStep<A, ?, W> planned = planned(step, decision);
            steps.add(planned);
            stepBytes = Math.max(stepBytes, planned.planned().workspaceBytes());
            Support.Native support = planned.planned().support();
            capturable &= support.capturable();
            batchInvariant &= support.numerics().batchInvariant();
            reproducible &= support.numerics().reproducible();
            accumulate = narrower(accumulate, support.numerics().accumulate());
        }
        long total = Math.addExact(scratchBytes, stepBytes);
        if (total > limits.workspaceBytes()) {
            return Decision.refused(
                    Support.Reason.WORKSPACE,
                    spec.name()
                            + " needs a workspace of "
                            + total
                            + " bytes, the limit is "
                            + limits.workspaceBytes(),
                    "allow at least " + total + " bytes");
        }
        Support.Native support =
                new Support.Native(
                        new Implementation(spec.name() + ".lowered", ""),
                        new Numerics(accumulate, batchInvariant, reproducible),
                        capturable,
                        true);
        return new Decision.Planned<>(
                support,
                total,
                (args, workspace) -> inOrder.apply(bind(lowering, steps, args, workspace)));
    }

    /// A chain is as exact as its least exact step.
    private static DType narrower(DType one, DType other) {
        return other.bits() < one.bits() ? other : one;
    }

    /// The decision was taken for the step's own spec, so its type is the step's.
    @SuppressWarnings("unchecked")
    private static <A extends KernelArgs, B extends KernelArgs, W> PlannedStep<A, B, W> planned(
            Lowering.Step<A, B> step, Decision<?, W> decision) {
        return new PlannedStep<>(step, (Decision.Planned<B, W>) decision);
    }

    private static <A extends KernelArgs, W> List<W> bind(
            Lowering<A> lowering, List<PlannedStep<A, ?, W>> steps, A args, Tensor workspace) {
        Map<String, Tensor> scratch = new HashMap<>();
        long offset = workspace.byteOffset();
        for (Lowering.Scratch piece : lowering.scratch()) {
            scratch.put(
                    piece.name(),
                    Tensor.of(workspace.buffer(), offset, piece.dtype(), piece.shape()));
            offset += bytes(piece);
        }
        long used = offset - workspace.byteOffset();
        Tensor rest = workspace.slice(0, used, workspace.dim(0));
        List<W> work = new ArrayList<>();
        for (PlannedStep<A, ?, W> step : steps) {
            work.add(step.bind(args, scratch, rest));
        }
        return work;
    }

    private static long bytes(Lowering.Scratch scratch) {
        long bytes = scratch.dtype().bytes(scratch.shape().elements());
        return Math.multiplyExact(Math.ceilDiv(bytes, ALIGNMENT), ALIGNMENT);
    }
}
