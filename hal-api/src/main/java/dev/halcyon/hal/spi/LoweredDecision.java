package dev.halcyon.hal.spi;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Lowering;
import dev.halcyon.hal.memory.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/// Plans a coarse spec as the finer ones of its lowering: intermediates at the front of the workspace, the steps' own
/// scratch, one at a time, behind them.
final class LoweredDecision {
    private static final long ALIGNMENT = 64;

    private LoweredDecision() {}

    private record PlannedStep<A extends KernelArgs, B extends KernelArgs, W>(
            Lowering.Step<A, B> step, Decision.Planned<B, W> planned) {
        W bind(A args, Map<String, Tensor> scratch, Tensor workspace) {
            B inner = step.arguments().apply(args, scratch);
            step.spec().validate(inner);
            return planned.binder().bind(inner, workspace);
        }
    }

    static <A extends KernelArgs, W> Decision<A, W> of(
            KernelRegistry<W> registry,
            KernelSpec<A> spec,
            Lowering<A> lowering,
            Limits limits,
            Function<List<W>, W> inOrder) {
        long scratchBytes = 0;
        for (Lowering.Scratch scratch : lowering.scratch()) {
            scratchBytes += aligned(scratch.dtype().bytes(scratch.shape().elements()));
        }
        List<PlannedStep<A, ?, W>> steps = new ArrayList<>();
        long stepBytes = 0;
        Numerics numerics = Numerics.F32_INVARIANT;
        boolean capturable = true;
        Limits stepLimits = Limits.workspace(Math.max(0, limits.workspaceBytes() - scratchBytes));
        for (Lowering.Step<A, ?> step : lowering.steps()) {
            Decision<?, W> decision = registry.decide(step.spec(), stepLimits);
            if (decision.support() instanceof Support.Declined declined) {
                return Decision.refused(
                        declined.reason(),
                        spec.name() + " has no kernel of its own here, and its step " + step.spec().name()
                                + " is declined: " + declined.detail(),
                        declined.whatWouldWork());
            }
            PlannedStep<A, ?, W> planned = planned(step, decision);
            steps.add(planned);
            stepBytes = Math.max(stepBytes, planned.planned().workspaceBytes());
            Support.Native support = planned.planned().support();
            capturable &= support.capturable();
            numerics = new Numerics(
                    support.numerics().accumulate(),
                    numerics.batchInvariant() && support.numerics().batchInvariant(),
                    numerics.reproducible() && support.numerics().reproducible());
        }
        long total = scratchBytes + stepBytes;
        if (total > limits.workspaceBytes()) {
            return Decision.refused(
                    Support.Reason.WORKSPACE,
                    spec.name() + " needs a workspace of " + total + " bytes, the limit is " + limits.workspaceBytes(),
                    "allow at least " + total + " bytes");
        }
        Support.Native support =
                new Support.Native(new Implementation(spec.name() + ".lowered", ""), numerics, capturable, true);
        return new Decision.Planned<>(
                support, total, (args, workspace) -> inOrder.apply(bind(lowering, steps, args, workspace)));
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
            scratch.put(piece.name(), Tensor.of(workspace.buffer(), offset, piece.dtype(), piece.shape()));
            offset += aligned(piece.dtype().bytes(piece.shape().elements()));
        }
        long used = offset - workspace.byteOffset();
        Tensor rest = workspace.slice(0, used, workspace.dim(0));
        List<W> work = new ArrayList<>();
        for (PlannedStep<A, ?, W> step : steps) {
            work.add(step.bind(args, scratch, rest));
        }
        return work;
    }

    private static long aligned(long bytes) {
        return Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT;
    }
}
