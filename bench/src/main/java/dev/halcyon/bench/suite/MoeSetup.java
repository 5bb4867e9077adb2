package dev.halcyon.bench.suite;

import dev.halcyon.bench.data.Errors;
import dev.halcyon.bench.data.TensorRows;
import dev.halcyon.bench.problem.MoeProblem;
import dev.halcyon.bench.problem.Seeds;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.kernel.moe.MoeGate;
import dev.halcyon.hal.kernel.moe.MoeLayer;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.tck.oracle.Gate;
import dev.halcyon.tck.oracle.GateRule;
import dev.halcyon.tck.oracle.Routing;
import dev.halcyon.tck.oracle.SwiGlu;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Sets up a mixture-of-experts layer on experts that are there already; turns go through biases
/// and layers.
///
/// @param problem the layer
/// @param experts its experts
record MoeSetup(MoeProblem problem, Experts experts) {
    Workload on(Site site) {
        int tokens = problem.tokens();
        MoeGate gate =
                MoeGate.of(
                                tokens,
                                problem.hidden(),
                                problem.experts(),
                                problem.topK(),
                                MoeGate.Score.SIGMOID,
                                DType.BF16)
                        .withBias(true)
                        .withScale(MoeProblem.SCALE);
        MoeLayer spec =
                MoeLayer.of(gate, problem.expertDim(), experts.gateUp())
                        .withFormats(experts.gateUp(), experts.down());
        Plan<MoeLayer.Args> plan = site.device().plan(spec);
        Tensor x =
                site.random(
                        DType.BF16,
                        Seeds.INPUT,
                        MoeProblem.INPUT_EXPONENT,
                        tokens,
                        problem.hidden());
        Tensor router =
                site.random(
                        DType.BF16,
                        Seeds.ROUTER,
                        MoeProblem.ROUTER_EXPONENT,
                        problem.experts(),
                        problem.hidden());
        Tensor out = site.arena().tensor(DType.BF16, tokens, problem.hidden());
        Tensor chosen = site.arena().tensor(DType.I32, tokens, problem.topK());
        Tensor factors = site.arena().tensor(DType.F32, tokens, problem.topK());
        var workspace = site.device().workspace(site.arena(), plan);
        List<Tensor> biases = new ArrayList<>();
        for (int turn = 0; turn < problem.biases(); turn++) {
            Tensor bias = site.arena().tensor(DType.F32, problem.experts());
            site.stream().write(bias, problem.bias(turn));
            biases.add(bias);
        }
        List<Launch> launches = new ArrayList<>();
        for (Experts.Layer layer : experts.layers()) {
            for (Tensor bias : biases) {
                MoeLayer.Args args =
                        MoeLayer.Args.of(x, router, layer.gate(), layer.up(), layer.down(), out)
                                .withGateBias(bias)
                                .withRouting(chosen, factors);
                launches.add(plan.bind(site.arena(), args, workspace));
            }
        }
        Results.rows(site, launches.getFirst(), out);
        int distinct = (int) Arrays.stream(site.stream().readInts(chosen)).distinct().count();
        double choices = (double) tokens * problem.topK();
        double flops = 6 * choices * problem.hidden() * problem.expertDim() + gate.cost().flops();
        return new Workload(
                problem,
                site,
                plan.support(),
                launches,
                flops,
                bytes(distinct) + gate.cost().bytes(),
                () -> check(site, launches.getFirst(), out, chosen, factors),
                Results.of(site, launches.getFirst(), out),
                distinct
                        + " distinct experts a run, "
                        + launches.size()
                        + (launches.size() == 1
                                ? " layer"
                                : " blocks of experts or layers in turn"));
    }

    private double bytes(int distinct) {
        Shape inner = Shape.of(problem.expertDim(), problem.hidden());
        Shape last = Shape.of(problem.hidden(), problem.expertDim());
        double one = 2.0 * experts.gateUp().bytes(inner) + experts.down().bytes(last);
        return distinct * one
                + (double) DType.BF16.bytes((long) problem.tokens() * problem.hidden());
    }

    /// The gate is right when it names the oracle's experts with the oracle's weights; the layer,
    /// when the sum over them is.
    private Accuracy check(Site site, Launch launch, Tensor out, Tensor chosen, Tensor factors) {
        TensorRows found = Results.rows(site, launch, out);
        int[] indices = site.stream().readInts(chosen);
        float[] weights = site.stream().readFloats(factors);
        GateRule rule =
                GateRule.flat(
                        problem.experts(),
                        problem.topK(),
                        GateRule.Score.SIGMOID,
                        true,
                        MoeProblem.SCALE);
        TensorRows x =
                HostMatrix.random(
                        DType.BF16,
                        problem.tokens(),
                        problem.hidden(),
                        Seeds.INPUT,
                        MoeProblem.INPUT_EXPONENT);
        TensorRows router =
                HostMatrix.random(
                        DType.BF16,
                        problem.experts(),
                        problem.hidden(),
                        Seeds.ROUTER,
                        MoeProblem.ROUTER_EXPONENT);
        double[] bias = new double[problem.experts()];
        float[] given = problem.bias(0);
        Arrays.setAll(bias, e -> given[e]);
        Errors errors = new Errors();
        int[] tokens = Samples.indices(problem.tokens(), 2);
        for (int token : tokens) {
            double[] row = x.row(token);
            Routing wanted = Gate.route(row, router, bias, rule);
            double[] y = new double[problem.hidden()];
            for (int k = 0; k < problem.topK(); k++) {
                int expert = indices[token * problem.topK() + k];
                double weight = weightOf(wanted, expert);
                errors.compare(weight, weights[token * problem.topK() + k]);
                double[] part = experts.logical(expert).apply(row, SwiGlu.NO_LIMIT);
                for (int c = 0; c < y.length; c++) {
                    y[c] += weight * part[c];
                }
            }
            errors.compare(y, 0, found.row(token), 0, y.length);
        }
        return new Accuracy(
                errors.relative(),
                problem.tolerance(),
                "gate and "
                        + tokens.length
                        + (tokens.length == 1 ? " token" : " tokens")
                        + " against the oracle");
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
