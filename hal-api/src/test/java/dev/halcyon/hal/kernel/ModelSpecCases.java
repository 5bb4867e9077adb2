package dev.halcyon.hal.kernel;

import static dev.halcyon.hal.kernel.AbsentMemory.tensor;

import dev.halcyon.hal.kernel.SpecLawsTest.Case;
import dev.halcyon.hal.kernel.attention.AttentionMerge;
import dev.halcyon.hal.kernel.attention.CacheAppend;
import dev.halcyon.hal.kernel.attention.CacheGather;
import dev.halcyon.hal.kernel.attention.MlaDecode;
import dev.halcyon.hal.kernel.attention.MlaPrefill;
import dev.halcyon.hal.kernel.attention.MlaSchedule;
import dev.halcyon.hal.kernel.attention.QkClip;
import dev.halcyon.hal.kernel.attention.Rope;
import dev.halcyon.hal.kernel.attention.RotaryFrequencies;
import dev.halcyon.hal.kernel.moe.BalanceLoss;
import dev.halcyon.hal.kernel.moe.ExpertLoad;
import dev.halcyon.hal.kernel.moe.MoeCombine;
import dev.halcyon.hal.kernel.moe.MoeDispatch;
import dev.halcyon.hal.kernel.moe.MoeGate;
import dev.halcyon.hal.kernel.moe.MoeGate.Score;
import dev.halcyon.hal.kernel.moe.MoeLayer;
import dev.halcyon.hal.kernel.moe.RouterBiasUpdate;
import dev.halcyon.hal.kernel.moe.SwiGluMlp;
import dev.halcyon.hal.kernel.optimizer.AdamWStep;
import dev.halcyon.hal.kernel.optimizer.MuonStep;
import dev.halcyon.hal.kernel.optimizer.MuonUpdate;
import dev.halcyon.hal.kernel.optimizer.NewtonSchulz;
import dev.halcyon.hal.memory.CacheFormat;
import dev.halcyon.hal.memory.CachePool;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.WeightFormat;

import java.util.stream.Stream;

/// The cases of [SpecLawsTest] for the MoE, attention and optimizer specs.
final class ModelSpecCases {
    private static final int MAX = SpecLawsTest.MAX;
    private static final int HIDDEN = 16;
    private static final int EXPERTS = 6;
    private static final int TOP = 2;
    private static final int HEADS = 3;
    private static final WeightFormat PLAIN = WeightFormat.rowMajor(DType.F32);
    private static final CacheFormat CACHE = CacheFormat.rowMajor(DType.F32, 12, 4, 8);
    private static final CachePool POOL =
            new CachePool(tensor(DType.U8, 5, CACHE.bytesPerPage()), CACHE);

    private ModelSpecCases() {}

    private static Tensor f32(long... dims) {
        return tensor(DType.F32, dims);
    }

    private static Tensor i32(long... dims) {
        return tensor(DType.I32, dims);
    }

    static Stream<Case<?>> all() {
        return Stream.of(moe(), layers(), attention(), optimizer()).flatMap(cases -> cases);
    }

    private static MoeGate gate() {
        return MoeGate.of(MAX, HIDDEN, EXPERTS, TOP, Score.SIGMOID, DType.F32).withBias(true);
    }

    private static Stream<Case<?>> moe() {
        return Stream.of(
                new Case<MoeGate.Args>(
                        ModelSpecCases::gate,
                        r ->
                                MoeGate.Args.of(
                                                f32(r, HIDDEN),
                                                f32(EXPERTS, HIDDEN),
                                                i32(r, TOP),
                                                f32(r, TOP))
                                        .withBias(f32(EXPERTS))
                                        .withActiveRows(i32(1))),
                new Case<MoeGate.Args>(
                        () -> gate().withHash(50),
                        r ->
                                MoeGate.Args.of(
                                                f32(r, HIDDEN),
                                                f32(EXPERTS, HIDDEN),
                                                i32(r, TOP),
                                                f32(r, TOP))
                                        .withHash(i32(r), tensor(DType.I64, 50, TOP))),
                new Case<MoeDispatch.Args>(
                        () -> MoeDispatch.of(MAX, TOP, EXPERTS),
                        r ->
                                MoeDispatch.Args.of(
                                                i32(r, TOP),
                                                i32(EXPERTS),
                                                i32(EXPERTS),
                                                i32(r * TOP),
                                                i32(r * TOP),
                                                i32(r, TOP))
                                        .withActiveRows(i32(1))),
                new Case<MoeCombine.Args>(
                        () ->
                                MoeCombine.of(MoeDispatch.of(MAX, TOP, EXPERTS), HIDDEN, DType.F32)
                                        .withAddend(true),
                        r ->
                                MoeCombine.Args.of(
                                                f32(r * TOP, HIDDEN), i32(r, TOP), f32(r, HIDDEN))
                                        .withWeights(f32(r, TOP))
                                        .withAddend(f32(r, HIDDEN))
                                        .withActiveRows(i32(1))),
                new Case<RouterBiasUpdate.Args>(
                        () -> RouterBiasUpdate.of(EXPERTS),
                        r -> RouterBiasUpdate.Args.of(f32(EXPERTS), i32(EXPERTS))),
                new Case<ExpertLoad.Args>(
                        () -> ExpertLoad.of(MAX, TOP, EXPERTS),
                        r -> ExpertLoad.Args.of(i32(r, TOP), i32(EXPERTS)).withActiveRows(i32(1))),
                new Case<BalanceLoss.Args>(
                        () -> BalanceLoss.of(MAX, 2, EXPERTS, TOP),
                        r -> BalanceLoss.Args.of(f32(r, EXPERTS), i32(r, TOP), i32(3), f32(1))));
    }

    private static Stream<Case<?>> layers() {
        return Stream.of(
                new Case<SwiGluMlp.Args>(
                        () -> SwiGluMlp.of(MAX, HIDDEN, 20, PLAIN, DType.F32),
                        r ->
                                SwiGluMlp.Args.of(
                                                f32(r, HIDDEN),
                                                f32(20, HIDDEN),
                                                f32(20, HIDDEN),
                                                f32(HIDDEN, 20),
                                                f32(r, HIDDEN))
                                        .withActiveRows(i32(1))),
                new Case<MoeLayer.Args>(
                        () -> MoeLayer.of(gate(), 20, PLAIN).withShared(12, PLAIN, PLAIN),
                        r ->
                                MoeLayer.Args.of(
                                                f32(r, HIDDEN),
                                                f32(EXPERTS, HIDDEN),
                                                f32(EXPERTS, 20, HIDDEN),
                                                f32(EXPERTS, 20, HIDDEN),
                                                f32(EXPERTS, HIDDEN, 20),
                                                f32(r, HIDDEN))
                                        .withGateBias(f32(EXPERTS))
                                        .withShared(
                                                f32(12, HIDDEN), f32(12, HIDDEN), f32(HIDDEN, 12))
                                        .withRouting(i32(r, TOP), f32(r, TOP))
                                        .withActiveRows(i32(1))));
    }

    private static Stream<Case<?>> attention() {
        return Stream.of(
                new Case<Rope.Args>(
                        () -> Rope.of(MAX, HEADS, 12, RotaryFrequencies.plain(4, 1e4), DType.F32),
                        r ->
                                Rope.Args.of(f32(r, HEADS, 12), i32(r), f32(r, HEADS, 12))
                                        .withActiveRows(i32(1))),
                new Case<CacheAppend.Args>(
                        () -> CacheAppend.of(MAX, CACHE, DType.F32),
                        r ->
                                CacheAppend.Args.of(f32(r, 12), f32(r, 4), i32(r), POOL)
                                        .withActiveRows(i32(1))),
                new Case<CacheGather.Args>(
                        () -> CacheGather.of(MAX, CACHE, DType.F32),
                        r ->
                                CacheGather.Args.of(POOL, i32(r), f32(r, 12), f32(r, 4))
                                        .withActiveRows(i32(1))),
                new Case<MlaPrefill.Args>(
                        () -> MlaPrefill.of(MAX, 1, HEADS, 6, 2, 5, DType.F32).withSink(true),
                        r ->
                                MlaPrefill.Args.of(
                                                f32(r, HEADS, 8),
                                                f32(r, HEADS, 6),
                                                f32(r, 2),
                                                f32(r, HEADS, 5),
                                                i32(2),
                                                i32(2),
                                                f32(r, HEADS, 5))
                                        .withSink(f32(HEADS))
                                        .withMaxLogit(f32(HEADS))),
                new Case<AttentionMerge.Args>(
                        () -> AttentionMerge.of(MAX, HEADS, 5, 2, DType.F32).withSink(true),
                        r ->
                                AttentionMerge.Args.of(
                                                f32(2, r, HEADS, 5),
                                                f32(2, r, HEADS),
                                                f32(r, HEADS, 5))
                                        .withSink(f32(HEADS))
                                        .withActiveRows(i32(1))),
                new Case<MlaSchedule.Args>(
                        () -> new MlaSchedule(MAX, 64),
                        r -> MlaSchedule.Args.of(i32(r), i32(r + 1))),
                new Case<MlaDecode.Args>(
                        () -> MlaDecode.of(MAX, HEADS, 0.25, CACHE, 3, DType.F32).withSink(true),
                        r ->
                                MlaDecode.Args.of(
                                                f32(r, HEADS, 16),
                                                POOL,
                                                i32(r, 3),
                                                i32(r),
                                                f32(r, HEADS, 12))
                                        .withSchedule(i32(r + 1))
                                        .withSink(f32(HEADS))
                                        .withLogSumExp(f32(r, HEADS))
                                        .withMaxLogit(f32(HEADS))
                                        .withActiveRows(i32(1))),
                new Case<QkClip.Args>(
                        () -> QkClip.of(HEADS, 6, 2, 5, 9, 12),
                        r ->
                                QkClip.Args.of(f32(HEADS * 8, 9), f32(HEADS * 11, 12), f32(HEADS))
                                        .withEta(f32(HEADS))));
    }

    private static Stream<Case<?>> optimizer() {
        return Stream.of(
                new Case<NewtonSchulz.Args>(
                        () -> NewtonSchulz.of(6, 10),
                        r -> NewtonSchulz.Args.of(f32(6, 10), f32(6, 10))),
                new Case<MuonStep.Args>(
                        () -> MuonStep.moonlight(6, 10),
                        r -> MuonStep.Args.of(f32(6, 10), f32(6, 10), f32(6, 10), f32(2))),
                new Case<MuonUpdate.Args>(
                        () -> MuonUpdate.of(MuonStep.moonlight(6, 10)),
                        r -> MuonUpdate.Args.of(f32(6, 10), f32(6, 10), f32(2))),
                new Case<AdamWStep.Args>(
                        () -> AdamWStep.torch(MAX * 5),
                        r ->
                                AdamWStep.Args.of(
                                        f32(r, 5), f32(r, 5), f32(r, 5), f32(r, 5), f32(2),
                                        i32(1))));
    }
}
