package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.attention.MlaDecode;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// [MlaDecode] by CANN's fused attention where that is possible, else by products.
record MlaDecodeKernel(Platform platform) implements Kernel<MlaDecode, MlaDecode.Args, AscendWork> {
    private static final String FUSED = "mla-decode.fused-infer-attention";
    private static final String PRODUCTS = "mla-decode.products";

    private record Operands(DecodeViews views, @Nullable HostSequences host) {}

    @Override
    public Class<MlaDecode> specType() {
        return MlaDecode.class;
    }

    @Override
    public List<String> implementations() {
        return FusedAttention.exists(platform) ? List.of(FUSED, PRODUCTS) : List.of(PRODUCTS);
    }

    @Override
    public Decision<MlaDecode.Args, AscendWork> decide(MlaDecode spec, Limits limits) {
        DType stored = spec.cache().dtype();
        Decision<MlaDecode.Args, AscendWork> refusal = CacheRows.refusal(spec.cache());
        if (refusal == null) {
            refusal = Composed.refuseBf16(platform, stored, spec.query(), spec.out());
        }
        if (refusal == null
                && Composed.compute(stored, spec.query(), spec.out(), spec.accumulate())
                        == DType.F64) {
            refusal =
                    Decision.refused(
                            Support.Reason.NUMERICS,
                            "the matrix unit does not compute in F64",
                            "F32 operands and accumulation");
        }
        if (refusal != null) {
            return refusal;
        }
        if (DecodeFused.takes(platform, spec)) {
            return Composed.decide(
                    platform,
                    FUSED,
                    Composed.reductions(DType.F32),
                    new Operands(DecodeViews.unbound(spec), null),
                    args ->
                            new Operands(
                                    DecodeViews.of(args), HostSequences.of(platform, spec, args)),
                    (c, operands) ->
                            DecodeFused.compose(c, spec, operands.views(), operands.host()));
        }
        return Composed.decide(
                platform,
                PRODUCTS,
                new Numerics(DType.F32, spec.batchInvariant(), true),
                DecodeViews.unbound(spec),
                DecodeViews::of,
                (Composition c, DecodeViews views) -> DecodeProducts.compose(c, spec, views));
    }
}
