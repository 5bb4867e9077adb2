package dev.halcyon.tck.verify;

import dev.halcyon.checkpoint.WeightNames;
import dev.halcyon.hal.kernel.attention.QkClip;
import dev.halcyon.hal.memory.CachePool;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.tck.fixture.Fixture;
import dev.halcyon.tck.fixture.MlaCase;
import dev.halcyon.tck.fixture.RopeCase;
import dev.halcyon.tck.oracle.MlaLayer;
import dev.halcyon.tck.oracle.MlaShape;

/// Latent attention layers and QK-Clip.
final class AttentionCheck {
    private static final String ATTENTION = "self_attn.";

    private AttentionCheck() {}

    static void mla(Fixture fixture, Workbench bench, Comparison found) {
        LatentAttention layer = layer(fixture, bench);
        int split = fixture.integer("chunked_prefill_split");
        Generation generation = Generation.of(fixture, bench, fixture.integer("first_position"));
        generation.run(
                layer::prefill,
                layer::decode,
                layer,
                split,
                found,
                generation.of(MlaCase.of(fixture).layer(), found));
        if (fixture.has("out.max_logit_per_head")) {
            found.close(
                    "out.max_logit_per_head",
                    fixture.doubles("out.max_logit_per_head"),
                    layer.maxLogit());
        }
    }

    static void qkClip(Fixture fixture, Workbench bench, Comparison found) {
        LatentAttention.Weights weights = weights(fixture, bench);
        MlaShape shape = MlaCase.of(fixture).layer().shape();
        double[] before = maxLogits(fixture, bench, weights);
        found.close("out.max_logit_per_head", fixture.doubles("out.max_logit_per_head"), before);
        int queryInput = Math.toIntExact(weights.query().shape().dim(1));
        Tensor eta = bench.unfilledPlain(DType.F32, shape.heads());
        Tensor query = (Tensor) weights.query();
        Tensor keyAndValue = (Tensor) weights.keyAndValue();
        bench.run(
                QkClip.of(
                                shape.heads(),
                                shape.nope(),
                                shape.rope(),
                                shape.value(),
                                queryInput,
                                shape.latent())
                        .withTau(fixture.number("tau"))
                        .withAlpha(fixture.number("alpha"))
                        .withWeight(bench.storage()),
                QkClip.Args.of(query, keyAndValue, bench.tensor(DType.F32, before, before.length))
                        .withEta(eta));
        String queryName = "out.w." + MlaCase.queryProjection(shape);
        found.close("out.eta", fixture.doubles("out.eta"), bench.read(eta));
        found.close(queryName, fixture.doubles(queryName), bench.read(query));
        found.close(
                "out.w.kv_b_proj.weight",
                fixture.doubles("out.w.kv_b_proj.weight"),
                bench.read(keyAndValue));
        found.close(
                "out.max_logit_after",
                fixture.doubles("out.max_logit_after"),
                maxLogits(fixture, bench, weights));
    }

    private static double[] maxLogits(
            Fixture fixture, Workbench bench, LatentAttention.Weights weights) {
        LatentAttention layer = layer(fixture, bench, weights);
        int sequences = fixture.dim("in.x", 0);
        int tokens = fixture.dim("in.x", 1);
        SequenceBatch batch = new SequenceBatch(bench, sequences, tokens, 0);
        Tensor x = bench.rows(fixture.doubles("in.x"), sequences * tokens, layer.shape().hidden());
        layer.prefill(x, batch.step(0, tokens), layer.cache(batch));
        return layer.maxLogit();
    }

    private static LatentAttention layer(Fixture fixture, Workbench bench) {
        return layer(fixture, bench, weights(fixture, bench));
    }

    private static LatentAttention layer(
            Fixture fixture, Workbench bench, LatentAttention.Weights weights) {
        MlaLayer layer = MlaCase.of(fixture).layer();
        return new LatentAttention(
                bench,
                layer.shape(),
                Specs.frequencies(
                        layer.shape().rope(),
                        fixture.number("rope_theta"),
                        RopeCase.of(fixture, layer.shape().rope()).yarn()),
                layer.softmaxScale(),
                layer.latentEps(),
                weights);
    }

    /// Attention cases name their weights without the sublayer that they belong to.
    private static LatentAttention.Weights weights(Fixture fixture, Workbench bench) {
        FixtureWeights source =
                new FixtureWeights(
                        fixture,
                        bench,
                        name ->
                                "w."
                                        + name.substring(
                                                name.indexOf(ATTENTION) + ATTENTION.length()));
        boolean queryLatent = MlaCase.of(fixture).layer().shape().queryRank() > 0;
        return LatentAttention.Weights.of(source, new WeightNames.Layer(""), queryLatent);
    }

    /// One pass of some tokens through whatever layer is checked, from rows to rows.
    @FunctionalInterface
    interface Pass {
        Tensor run(Tensor x, SequenceBatch.Step step, CachePool cache);
    }
}
