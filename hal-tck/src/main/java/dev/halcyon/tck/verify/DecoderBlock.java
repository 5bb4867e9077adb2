package dev.halcyon.tck.verify;

import dev.halcyon.checkpoint.AttentionConfig;
import dev.halcyon.checkpoint.ModelConfig;
import dev.halcyon.checkpoint.MoeConfig;
import dev.halcyon.checkpoint.WeightNames;
import dev.halcyon.checkpoint.YarnConfig;
import dev.halcyon.hal.kernel.attention.RotaryFrequencies;
import dev.halcyon.hal.kernel.elementwise.Axpby;
import dev.halcyon.hal.kernel.moe.MoeLayer;
import dev.halcyon.hal.kernel.moe.SwiGluMlp;
import dev.halcyon.hal.kernel.norm.AddRmsNorm;
import dev.halcyon.hal.kernel.norm.RmsNorm;
import dev.halcyon.hal.memory.CachePool;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.tck.fixture.ModelAssembly;
import dev.halcyon.tck.oracle.GateRule;
import dev.halcyon.tck.oracle.MlaShape;

import org.jspecify.annotations.Nullable;

import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;

/// A decoder layer put together from kernel specs: attention and a dense or a mixture-of-experts
/// network, each behind a norm and with a residual sum.
///
/// Source: DeepSeek-V3 inference/model.py, Block.
final class DecoderBlock {
    private final Workbench bench;
    private final ModelConfig config;
    private final LatentAttention attention;
    private final Tensor attentionNorm;
    private final Tensor networkNorm;
    private final Network network;

    /// What stands behind the second norm; writes to its second argument.
    @FunctionalInterface
    private interface Network {
        void run(Tensor x, Tensor out, SequenceBatch.Step step);
    }

    /// @param experts whether the layer has experts, or a dense network
    DecoderBlock(
            Workbench bench,
            ModelConfig config,
            boolean experts,
            WeightSource weights,
            WeightNames.Layer names) {
        this.bench = bench;
        this.config = config;
        MlaShape shape = ModelAssembly.shape(config);
        this.attention =
                new LatentAttention(
                        bench,
                        shape,
                        frequencies(config),
                        config.softmaxScale(),
                        AttentionConfig.LATENT_NORM_EPS,
                        LatentAttention.Weights.of(weights, names, shape.queryRank() > 0));
        this.attentionNorm = weights.vector(names.attentionNorm());
        this.networkNorm = weights.vector(names.mlpNorm());
        this.network = experts ? experts(weights, names) : dense(weights, names.dense());
    }

    private static RotaryFrequencies frequencies(ModelConfig config) {
        int dim = config.attention().ropeDim();
        double theta = config.rope().theta();
        YarnConfig yarn = config.rope().yarn();
        return yarn == null
                ? RotaryFrequencies.plain(dim, theta)
                : RotaryFrequencies.yarn(
                        dim,
                        theta,
                        yarn.factor(),
                        yarn.originalPositions(),
                        yarn.betaFast(),
                        yarn.betaSlow(),
                        yarn.mscale(),
                        yarn.mscaleAllDim());
    }

    LatentAttention attention() {
        return attention;
    }

    Tensor prefill(Tensor x, SequenceBatch.Step step, CachePool cache) {
        return run(x, step, cache, attention::prefill);
    }

    Tensor decode(Tensor x, SequenceBatch.Step step, CachePool cache) {
        return run(x, step, cache, attention::decode);
    }

    private Tensor run(
            Tensor x, SequenceBatch.Step step, CachePool cache, AttentionCheck.Pass form) {
        int bound = bench.bound(step.live());
        int hidden = config.hiddenSize();
        DType dtype = bench.storage();
        Tensor normed = bench.unfilled(step.live(), hidden);
        bench.run(
                RmsNorm.of(bound, hidden, dtype, config.rmsNormEps()),
                new RmsNorm.Args(x, attentionNorm, normed, null, step.active()));
        Tensor attended = form.run(normed, step, cache);
        Tensor sum = bench.unfilled(step.live(), hidden);
        bench.run(
                AddRmsNorm.of(bound, hidden, dtype, config.rmsNormEps()),
                new AddRmsNorm.Args(attended, x, networkNorm, sum, normed, step.active()));
        Tensor out = bench.unfilled(step.live(), hidden);
        network.run(normed, out, step);
        bench.run(
                Axpby.add(bound, hidden, dtype),
                new Axpby.Args(out, sum, out, null, step.active()));
        return out;
    }

    private Network dense(WeightSource weights, WeightNames.Mlp names) {
        Operand gate = weights.matrix(names.gate());
        Operand up = weights.matrix(names.up());
        Operand down = weights.matrix(names.down());
        int width = Math.toIntExact(gate.shape().dim(0));
        return (x, out, step) ->
                bench.run(
                        SwiGluMlp.of(
                                        bench.bound(step.live()),
                                        config.hiddenSize(),
                                        width,
                                        gate.format(),
                                        bench.storage())
                                .withFormats(gate.format(), down.format()),
                        SwiGluMlp.Args.of(x, gate, up, down, out).withActiveRows(step.active()));
    }

    private Network experts(WeightSource weights, WeightNames.Layer names) {
        MoeConfig moe = config.moe();
        GateRule rule = ModelAssembly.rule(moe);
        Tensor router = weights.plain(names.gate());
        Tensor bias = moe.selection().biased() ? weights.f32(names.gateBias()) : null;
        Operand gate = all(weights, names, WeightNames.Mlp::gate);
        Operand up = all(weights, names, WeightNames.Mlp::up);
        Operand down = all(weights, names, WeightNames.Mlp::down);
        WeightNames.Mlp shared = names.sharedExperts();
        Operand sharedGate = moe.sharedExperts() > 0 ? weights.matrix(shared.gate()) : null;
        Operand sharedUp = moe.sharedExperts() > 0 ? weights.matrix(shared.up()) : null;
        Operand sharedDown = moe.sharedExperts() > 0 ? weights.matrix(shared.down()) : null;
        return (x, out, step) -> {
            MoeLayer spec =
                    MoeLayer.of(
                                    Specs.gate(
                                            rule,
                                            bench.bound(step.live()),
                                            config.hiddenSize(),
                                            bias != null,
                                            0,
                                            bench.storage()),
                                    moe.intermediateSize(),
                                    gate.format())
                            .withFormats(gate.format(), down.format());
            bench.run(
                    withShared(spec, sharedGate, sharedDown),
                    MoeLayer.Args.of(x, router, gate, up, down, out)
                            .withGateBias(bias)
                            .withShared(sharedGate, sharedUp, sharedDown)
                            .withActiveRows(step.active()));
        };
    }

    private static MoeLayer withShared(
            MoeLayer spec, @Nullable Operand gate, @Nullable Operand down) {
        return gate == null || down == null
                ? spec
                : spec.withShared(
                        Math.toIntExact(gate.shape().dim(0)), gate.format(), down.format());
    }

    private Operand all(
            WeightSource weights, WeightNames.Layer names, Function<WeightNames.Mlp, String> part) {
        List<String> all =
                IntStream.range(0, config.moe().experts())
                        .mapToObj(expert -> part.apply(names.expert(expert)))
                        .toList();
        return weights.all(all);
    }
}
