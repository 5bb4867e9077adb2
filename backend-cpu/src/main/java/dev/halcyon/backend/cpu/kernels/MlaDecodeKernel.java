package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.attention.MlaDecode;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.BiFunction;

/// Absorbed attention over a paged cache; [MlaDecodeWork] says how.
final class MlaDecodeKernel implements Kernel<MlaDecode, MlaDecode.Args, HostWork> {
    private static final String NAME = "mla.decode";

    private final CpuContext context;

    MlaDecodeKernel(CpuContext context) {
        this.context = context;
    }

    @Override
    public Class<MlaDecode> specType() {
        return MlaDecode.class;
    }

    @Override
    public List<String> implementations() {
        return context.nativeLevel().isPresent()
                ? List.of(NAME, context.nativeName(NAME))
                : List.of(NAME);
    }

    @Override
    public Decision<MlaDecode.Args, HostWork> decide(MlaDecode spec, Limits limits) {
        if (spec.accumulate() != DType.F32) {
            return Decision.refused(
                    Support.Reason.NUMERICS,
                    "accumulate is " + spec.accumulate(),
                    "accumulate in F32");
        }
        if (RowTypes.lacksAny(spec.query(), spec.out())) {
            return RowTypes.refuse(spec, spec.query(), spec.out());
        }
        if (!AttentionTypes.cache(spec.cache())) {
            return Decision.refused(
                    Support.Reason.FORMAT, "cache is " + spec.cache(), AttentionTypes.CACHES);
        }
        if (!AttentionTypes.scale(spec.softmaxScale())) {
            return Decision.refused(
                    Support.Reason.NUMERICS,
                    "softmaxScale " + spec.softmaxScale() + " is no normal F32 number",
                    AttentionTypes.SCALES);
        }
        long lanes = (long) spec.queriesPerSequence() * spec.heads();
        if (lanes > Integer.MAX_VALUE / 2
                || (long) spec.latentDim() + spec.ropeDim() > AttentionTypes.MAX_DIM) {
            return Decision.refused(
                    Support.Reason.SHAPE,
                    spec.queriesPerSequence()
                            + " queries of "
                            + spec.heads()
                            + " heads, rows of "
                            + spec.latentDim()
                            + " + "
                            + spec.ropeDim()
                            + " values",
                    "at most "
                            + Integer.MAX_VALUE / 2
                            + " heads of all queries of a sequence and rows of at most "
                            + AttentionTypes.MAX_DIM
                            + " values");
        }
        if (NativeDecode.takes(spec, context)) {
            NativeDecode.Geometry geometry = NativeDecode.Geometry.of(spec, context);
            return planned(
                    context.nativeName(NAME),
                    geometry.layout(),
                    (operands, memory) -> geometry.over(operands, memory),
                    spec);
        }
        WidenedDecode.Geometry geometry = WidenedDecode.Geometry.of(spec, context);
        return planned(
                NAME,
                geometry.layout(),
                (operands, memory) -> geometry.over(context, operands, memory),
                spec);
    }

    private Decision<MlaDecode.Args, HostWork> planned(
            String name,
            DecodeLayout layout,
            BiFunction<DecodeOperands, MemorySegment, DecodeForm> form,
            MlaDecode spec) {
        return Decision.planned(
                context.implementation(name),
                Numerics.F32_INVARIANT,
                layout.workspaceBytes(),
                (args, workspace) -> {
                    DecodeOperands operands = new DecodeOperands(spec, args);
                    MemorySegment memory = workspace.segment();
                    return new MlaDecodeWork(
                            layout,
                            operands,
                            form.apply(operands, memory),
                            context.pool(),
                            args,
                            memory);
                });
    }
}
