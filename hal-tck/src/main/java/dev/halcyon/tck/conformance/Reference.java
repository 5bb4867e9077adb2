package dev.halcyon.tck.conformance;

import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.attention.AttentionMerge;
import dev.halcyon.hal.kernel.attention.CacheAppend;
import dev.halcyon.hal.kernel.attention.CacheGather;
import dev.halcyon.hal.kernel.attention.MlaDecode;
import dev.halcyon.hal.kernel.attention.MlaPrefill;
import dev.halcyon.hal.kernel.attention.MlaSchedule;
import dev.halcyon.hal.kernel.attention.QkClip;
import dev.halcyon.hal.kernel.attention.Rope;
import dev.halcyon.hal.kernel.elementwise.Axpby;
import dev.halcyon.hal.kernel.elementwise.Cast;
import dev.halcyon.hal.kernel.elementwise.Copy;
import dev.halcyon.hal.kernel.elementwise.CrossEntropy;
import dev.halcyon.hal.kernel.elementwise.Embedding;
import dev.halcyon.hal.kernel.elementwise.Fill;
import dev.halcyon.hal.kernel.elementwise.Reduce;
import dev.halcyon.hal.kernel.elementwise.SwiGlu;
import dev.halcyon.hal.kernel.linear.Dequantize;
import dev.halcyon.hal.kernel.linear.Gemm;
import dev.halcyon.hal.kernel.linear.GroupedGemm;
import dev.halcyon.hal.kernel.linear.PackWeight;
import dev.halcyon.hal.kernel.linear.Quantize;
import dev.halcyon.hal.kernel.moe.BalanceLoss;
import dev.halcyon.hal.kernel.moe.ExpertLoad;
import dev.halcyon.hal.kernel.moe.MoeCombine;
import dev.halcyon.hal.kernel.moe.MoeDispatch;
import dev.halcyon.hal.kernel.moe.MoeGate;
import dev.halcyon.hal.kernel.moe.MoeLayer;
import dev.halcyon.hal.kernel.moe.RouterBiasUpdate;
import dev.halcyon.hal.kernel.moe.SwiGluMlp;
import dev.halcyon.hal.kernel.norm.AddRmsNorm;
import dev.halcyon.hal.kernel.norm.LayerNorm;
import dev.halcyon.hal.kernel.norm.RmsNorm;
import dev.halcyon.hal.kernel.optimizer.AdamWStep;
import dev.halcyon.hal.kernel.optimizer.MuonStep;
import dev.halcyon.hal.kernel.optimizer.MuonUpdate;
import dev.halcyon.hal.kernel.optimizer.NewtonSchulz;
import dev.halcyon.hal.kernel.token.Sample;

import java.util.Map;

/// What a kernel of any standard spec must write, computed in fp64 by the oracle from the operands
/// as they are stored.
public final class Reference {
    private Reference() {}

    /// {@return every written operand by name}
    ///
    /// @param in all operands, the written ones as they are before the launch
    /// @throws IllegalArgumentException if the spec is none of the standard ones
    public static Map<String, Expected> of(KernelSpec<?> kernel, Values in) {
        return switch (kernel) {
            case Axpby spec -> RowReference.of(spec, in);
            case Cast spec -> RowReference.of(spec, in);
            case Copy spec -> RowReference.of(spec, in);
            case Fill spec -> RowReference.of(spec, in);
            case SwiGlu spec -> RowReference.of(spec, in);
            case Embedding spec -> RowReference.of(spec, in);
            case Reduce spec -> RowReference.of(spec, in);
            case CrossEntropy spec -> RowReference.of(spec, in);
            case RmsNorm spec -> RowReference.of(spec, in);
            case AddRmsNorm spec -> RowReference.of(spec, in);
            case LayerNorm spec -> RowReference.of(spec, in);
            case Rope spec -> RowReference.of(spec, in);
            case Gemm spec -> LinearReference.of(spec, in);
            case GroupedGemm spec -> LinearReference.of(spec, in);
            case Quantize spec -> LinearReference.of(spec, in);
            case Dequantize spec -> LinearReference.of(spec, in);
            case PackWeight spec -> LinearReference.of(spec, in);
            case MlaPrefill spec -> AttentionReference.of(spec, in);
            case MlaDecode spec -> AttentionReference.of(spec, in);
            case MlaSchedule spec -> AttentionReference.of(spec, in);
            case AttentionMerge spec -> AttentionReference.of(spec, in);
            case CacheAppend spec -> AttentionReference.of(spec, in);
            case CacheGather spec -> AttentionReference.of(spec, in);
            case QkClip spec -> AttentionReference.of(spec, in);
            case MoeGate spec -> MoeReference.of(spec, in);
            case MoeLayer spec -> MoeReference.of(spec, in);
            case SwiGluMlp spec -> MoeReference.of(spec, in);
            case MoeDispatch spec -> MoeReference.of(spec, in);
            case MoeCombine spec -> MoeReference.of(spec, in);
            case RouterBiasUpdate spec -> MoeReference.of(spec, in);
            case ExpertLoad spec -> MoeReference.of(spec, in);
            case BalanceLoss spec -> MoeReference.of(spec, in);
            case NewtonSchulz spec -> OptimizerReference.of(spec, in);
            case MuonStep spec -> OptimizerReference.of(spec, in);
            case MuonUpdate spec -> OptimizerReference.of(spec, in);
            case AdamWStep spec -> OptimizerReference.of(spec, in);
            case Sample spec -> TokenReference.of(spec, in);
            default ->
                    throw new IllegalArgumentException("the oracle does not know " + kernel.name());
        };
    }
}
