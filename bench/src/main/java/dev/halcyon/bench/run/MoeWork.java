package dev.halcyon.bench.run;

import dev.halcyon.bench.ceiling.MachineMemory;
import dev.halcyon.bench.data.Errors;
import dev.halcyon.bench.data.RandomBits;
import dev.halcyon.bench.data.TensorRows;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.kernel.moe.MoeGate;
import dev.halcyon.hal.kernel.moe.MoeLayer;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.WeightFormat;
import dev.halcyon.tck.oracle.Gate;
import dev.halcyon.tck.oracle.GateRule;
import dev.halcyon.tck.oracle.Routing;
import dev.halcyon.tck.oracle.SwiGlu;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/// One expert-parallel rank of DeepSeek-V3's mixture of experts: a router over 256 experts, 32 of
/// them here.
///
/// The selection bias sends every token to local experts: for one token to a block of eight that
/// moves on at every run, over several layers' worth of experts, so that weights come from memory
/// and not from a cache.
///
/// @param hidden width of the residual stream
/// @param expertDim width inside an expert
/// @param experts experts of the router
/// @param local experts of this rank
/// @param topK experts a token
/// @param batches tokens of each case
public record MoeWork(
        int hidden, int expertDim, int experts, int local, int topK, List<Integer> batches)
        implements Work {
    private static final double SECONDS = 3;
    private static final float LOCAL_BIAS = 4;
    private static final int CACHE_MULTIPLE = 8;

    @Override
    public String name() {
        return "MoE";
    }

    @Override
    public List<Row> run(Device device, Progress progress) {
        List<Row> rows = new ArrayList<>();
        try (DeviceArena weights = device.arena("expert weights");
                Stream stream = device.stream("MoE")) {
            int layers = device.description().emulated() ? 1 : layers();
            List<ExpertStore> stores = new ArrayList<>();
            for (int layer = 0; layer < layers; layer++) {
                progress.doing(
                        "making " + local + " experts of layer " + (layer + 1) + " of " + layers);
                stores.add(
                        ExpertStore.make(device, weights, stream, hidden, expertDim, local, layer));
            }
            for (int tokens : batches) {
                progress.doing("MoE, " + tokens + (tokens == 1 ? " token" : " tokens"));
                rows.add(one(device, stream, stores, tokens));
            }
        }
        return rows;
    }

    /// More than eight times the last-level cache, where the memory allows it.
    private int layers() {
        double layerBytes = 3.0 * local * hidden * expertDim * 2;
        double wanted = CACHE_MULTIPLE * (double) MachineMemory.lastLevelCacheBytes();
        double affordable = MachineMemory.physicalBytes() * 0.45;
        int layers = (int) Math.ceil((wanted + 1) / layerBytes);
        return Math.max(1, Math.min(layers, (int) (affordable / layerBytes)));
    }

    private Row one(Device device, Stream stream, List<ExpertStore> stores, int tokens) {
        MoeGate gate =
                MoeGate.of(tokens, hidden, experts, topK, MoeGate.Score.SIGMOID, DType.BF16)
                        .withBias(true)
                        .withGroups(8, 4, MoeGate.GroupScore.TOP2_SUM)
                        .withScale(2.5);
        WeightFormat gateUp = stores.getFirst().gateUpFormat();
        WeightFormat down = stores.getFirst().downFormat();
        MoeLayer spec =
                new MoeLayer(
                        gate,
                        expertDim,
                        0,
                        0,
                        local,
                        gateUp,
                        down,
                        gateUp.unlisted(),
                        down.unlisted(),
                        Double.POSITIVE_INFINITY,
                        MoeLayer.WeightPosition.AFTER_DOWN,
                        DType.BF16,
                        DType.BF16,
                        false);
        Plan<MoeLayer.Args> plan = device.plan(spec);
        try (DeviceArena arena = device.arena("MoE activations")) {
            Tensor x = arena.tensor(DType.BF16, tokens, hidden);
            RandomBits.fill(stream, x, 11, -1);
            Tensor router = arena.tensor(DType.BF16, experts, hidden);
            RandomBits.fill(stream, router, 13, -7);
            Tensor out = arena.tensor(DType.BF16, tokens, hidden);
            Tensor chosen = arena.tensor(DType.I32, tokens, topK);
            Tensor factors = arena.tensor(DType.F32, tokens, topK);
            var workspace = device.workspace(arena, plan);
            List<Tensor> biases = biases(arena, stream, tokens);
            List<Launch> launches = new ArrayList<>();
            for (ExpertStore store : stores) {
                for (Tensor bias : biases) {
                    MoeLayer.Args args =
                            MoeLayer.Args.of(x, router, store.gate(), store.up(), store.down(), out)
                                    .withGateBias(bias)
                                    .withRouting(chosen, factors);
                    launches.add(plan.bind(arena, args, workspace));
                }
            }
            int[] next = {0};
            double seconds =
                    Timing.median(
                            SECONDS,
                            () -> {
                                stream.submit(launches.get(next[0]++ % launches.size()));
                                stream.synchronize();
                            });
            stream.submit(launches.getFirst());
            int[] indices = stream.readInts(chosen);
            int distinct = (int) Arrays.stream(indices).distinct().count();
            double error =
                    error(
                            stores.getFirst(),
                            stream,
                            x,
                            router,
                            biases.getFirst(),
                            out,
                            indices,
                            factors);
            double perExpert = 3.0 * hidden * expertDim;
            return new Row(
                    "MoE rank "
                            + local
                            + " of "
                            + experts
                            + " experts, "
                            + tokens
                            + (tokens == 1 ? " token" : " tokens"),
                    plan.support().implementation().toString(),
                    seconds,
                    2 * perExpert * tokens * topK + 2.0 * tokens * experts * hidden,
                    2 * perExpert * distinct,
                    error,
                    Errors.BF16_TOLERANCE,
                    note(stores.size(), distinct, tokens));
        }
    }

    private String note(int layers, int distinct, int tokens) {
        double rotated = 3.0 * layers * local * hidden * expertDim * 2;
        double caches = rotated / MachineMemory.lastLevelCacheBytes();
        return distinct
                + " distinct experts a run, rotating over "
                + layers * local
                + " ("
                + String.format(Locale.ROOT, "%.1f", caches)
                + " x last-level cache); gate and "
                + Math.min(tokens, 2)
                + (tokens == 1 ? " token" : " tokens")
                + " against the oracle";
    }

    /// One token needs eight experts, so its bias moves on by eight; many tokens share all that are
    /// local.
    private List<Tensor> biases(DeviceArena arena, Stream stream, int tokens) {
        List<Tensor> biases = new ArrayList<>();
        int block = tokens == 1 ? topK : local;
        for (int first = 0; first < local; first += block) {
            float[] values = new float[experts];
            Arrays.fill(values, first, Math.min(local, first + block), LOCAL_BIAS);
            Tensor bias = arena.tensor(DType.F32, experts);
            stream.write(bias, values);
            biases.add(bias);
        }
        return biases;
    }

    private double error(
            ExpertStore store,
            Stream stream,
            Tensor x,
            Tensor router,
            Tensor bias,
            Tensor out,
            int[] indices,
            Tensor factors) {
        GateRule rule =
                new GateRule(
                        experts,
                        topK,
                        GateRule.Score.SIGMOID,
                        8,
                        4,
                        GateRule.GroupScore.TOP2_SUM,
                        true,
                        2.5);
        double[] biasValues = TensorRows.of(stream, bias.reshape(1, experts)).row(0);
        float[] deviceFactors = stream.readFloats(factors);
        TensorRows inputs = TensorRows.of(stream, x);
        TensorRows outputs = TensorRows.of(stream, out);
        TensorRows routerRows = TensorRows.of(stream, router);
        Errors errors = new Errors();
        for (int token : inputs.rows() == 1 ? new int[] {0} : new int[] {0, inputs.rows() - 1}) {
            double[] row = inputs.row(token);
            Routing wanted = Gate.route(row, routerRows, biasValues, rule);
            double[] y = new double[hidden];
            for (int k = 0; k < topK; k++) {
                int expert = indices[token * topK + k];
                double weight = weightOf(wanted, expert);
                // The gate is right when it names the oracle's experts with the oracle's weights.
                errors.compare(
                        new double[] {weight},
                        0,
                        new double[] {deviceFactors[token * topK + k]},
                        0,
                        1);
                double[] part = store.logical(expert).apply(row, SwiGlu.NO_LIMIT);
                for (int c = 0; c < hidden; c++) {
                    y[c] += weight * part[c];
                }
            }
            errors.compare(y, 0, outputs.row(token), 0, hidden);
        }
        return errors.relative();
    }

    private static double weightOf(Routing routing, int expert) {
        for (int k = 0; k < routing.topK(); k++) {
            if (routing.indices()[k] == expert) {
                return routing.weights()[k];
            }
        }
        return Double.NaN;
    }
}
