package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.attention.MlaPrefill;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.BiFunction;

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
        return context.nativeLevel().isPresent()
                ? List.of(NAME, context.nativeName(NAME))
                : List.of(NAME);
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
                (Math.ceilDiv(spec.maxTokens(), WidenedPrefill.MAX_LANES)
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
                            + WidenedPrefill.MAX_LANES
                            + " tokens and one head");
        }
        if (NativePrefill.takes(spec, context)) {
            int lanes = Math.min(NativePrefill.MAX_LANES, spec.maxTokens());
            NativeAttention attention = NativePrefill.geometry(spec, context, lanes);
            return planned(
                    context.nativeName(NAME),
                    NativePrefill.MAX_LANES,
                    NativePrefill.areaStride(attention),
                    (operands, memory) -> new NativePrefill(attention, operands, memory),
                    spec);
        }
        int lanes = Math.min(WidenedPrefill.MAX_LANES, spec.maxTokens());
        int keyDim = spec.nopeDim() + spec.ropeDim();
        OnlineSoftmax softmax =
                new OnlineSoftmax(
                        context, lanes, keyDim, spec.valueDim(), false, spec.softmaxScale());
        return planned(
                NAME,
                WidenedPrefill.MAX_LANES,
                WidenedPrefill.areaStride(softmax),
                (operands, memory) -> new WidenedPrefill(softmax, context, operands, memory),
                spec);
    }

    private Decision<MlaPrefill.Args, HostWork> planned(
            String name,
            int tileQueries,
            long areaStride,
            BiFunction<PrefillOperands, MemorySegment, PrefillForm> form,
            MlaPrefill spec) {
        int threads = context.pool().threads();
        long areas = threads * areaStride;
        return Decision.planned(
                context.implementation(name),
                Numerics.F32_INVARIANT,
                areas + MaxLogits.bytes(spec.heads(), threads),
                (args, workspace) -> {
                    PrefillOperands operands = new PrefillOperands(spec, args);
                    MemorySegment memory = workspace.segment();
                    return new MlaPrefillWork(
                            operands,
                            form.apply(operands, memory),
                            tileQueries,
                            context.pool(),
                            args,
                            memory,
                            areas);
                });
    }
}
