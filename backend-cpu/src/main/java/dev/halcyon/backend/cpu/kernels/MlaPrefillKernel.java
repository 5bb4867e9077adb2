package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.attention.MlaPrefill;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// Naive attention over ragged sequences; [MlaPrefillWork] says how.
final class MlaPrefillKernel implements Kernel<MlaPrefill, MlaPrefill.Args, HostWork> {
    private static final String NAME = "mla.prefill";

    private final CpuContext context;

    MlaPrefillKernel(CpuContext context) {
        this.context = context;
    }

    @Override
    public Class<MlaPrefill> specType() {
        return MlaPrefill.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<MlaPrefill.Args, HostWork> decide(MlaPrefill spec, Limits limits) {
        if (RowTypes.lacksAny(spec.in(), spec.out())) {
            return RowTypes.refuse(spec, spec.in(), spec.out());
        }
        if (!AttentionTypes.scale(spec.softmaxScale())) {
            return Decision.refused(
                    Support.Reason.NUMERICS,
                    "softmaxScale " + spec.softmaxScale() + " is no normal F32 number",
                    AttentionTypes.SCALES);
        }
        if (Math.max((long) spec.nopeDim() + spec.ropeDim(), spec.valueDim())
                > AttentionTypes.MAX_DIM) {
            return Decision.refused(
                    Support.Reason.SHAPE,
                    "keys of "
                            + spec.nopeDim()
                            + " + "
                            + spec.ropeDim()
                            + " and values of "
                            + spec.valueDim()
                            + " numbers",
                    "keys and values of at most " + AttentionTypes.MAX_DIM + " numbers");
        }
        long mostTasks =
                (Math.ceilDiv(spec.maxTokens(), MlaPrefillWork.MAX_LANES)
                                + (long) spec.maxSequences())
                        * spec.heads();
        if (mostTasks > Integer.MAX_VALUE) {
            return Decision.refused(
                    Support.Reason.SHAPE,
                    spec.maxTokens()
                            + " tokens in "
                            + spec.maxSequences()
                            + " sequences with "
                            + spec.heads()
                            + " heads are up to "
                            + mostTasks
                            + " tasks",
                    "bounds with at most "
                            + Integer.MAX_VALUE
                            + " tasks of "
                            + MlaPrefillWork.MAX_LANES
                            + " tokens and one head");
        }
        int lanes = Math.min(MlaPrefillWork.MAX_LANES, spec.maxTokens());
        int keyDim = spec.nopeDim() + spec.ropeDim();
        OnlineSoftmax softmax =
                new OnlineSoftmax(
                        context, lanes, keyDim, spec.valueDim(), false, spec.softmaxScale());
        long bytes = MlaPrefillWork.workspaceBytes(softmax, spec.heads(), context.pool().threads());
        return Decision.planned(
                context.implementation(NAME),
                Numerics.F32_INVARIANT,
                bytes,
                (args, workspace) -> new MlaPrefillWork(spec, softmax, context, args, workspace));
    }
}
