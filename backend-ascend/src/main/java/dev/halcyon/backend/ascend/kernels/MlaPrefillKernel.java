package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.attention.MlaPrefill;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// [MlaPrefill] by CANN's fused attention where that is possible, else by products.
record MlaPrefillKernel(Platform platform)
        implements Kernel<MlaPrefill, MlaPrefill.Args, AscendWork> {
    private static final String FUSED = "mla-prefill.fused-infer-attention";
    private static final String PRODUCTS = "mla-prefill.products";

    private record Operands(PrefillViews views, @Nullable HostStarts host) {}

    @Override
    public Class<MlaPrefill> specType() {
        return MlaPrefill.class;
    }

    @Override
    public List<String> implementations() {
        return FusedAttention.exists(platform) ? List.of(FUSED, PRODUCTS) : List.of(PRODUCTS);
    }

    @Override
    public Decision<MlaPrefill.Args, AscendWork> decide(MlaPrefill spec, Limits limits) {
        Decision<MlaPrefill.Args, AscendWork> refusal =
                Composed.refuseBf16(platform, spec.in(), spec.out());
        if (refusal != null) {
            return refusal;
        }
        if (Composed.compute(spec.in(), spec.out()) == DType.F64) {
            return Decision.refused(
                    Support.Reason.NUMERICS,
                    "the matrix unit does not compute in F64",
                    "F32 operands");
        }
        if (PrefillFused.takes(platform, spec)) {
            return Composed.decide(
                    platform,
                    FUSED,
                    Composed.reductions(DType.F32),
                    new Operands(PrefillViews.unbound(spec), null),
                    args ->
                            new Operands(
                                    PrefillViews.of(args), HostStarts.of(platform, spec, args)),
                    (c, operands) ->
                            PrefillFused.compose(c, spec, operands.views(), operands.host()));
        }
        return Composed.decide(
                platform,
                PRODUCTS,
                Composed.reductions(DType.F32),
                PrefillViews.unbound(spec),
                PrefillViews::of,
                (c, views) -> PrefillProducts.compose(c, spec, views));
    }
}
