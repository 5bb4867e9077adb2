package dev.halcyon.bench.suite;

import dev.halcyon.bench.data.Errors;
import dev.halcyon.bench.data.TensorRows;
import dev.halcyon.bench.problem.PrefillProblem;
import dev.halcyon.bench.problem.Seeds;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.kernel.attention.MlaPrefill;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.tck.oracle.MlaPrefill.KeyValues;

import java.util.List;

/// Sets up causal attention of one prompt over itself.
///
/// @param problem the attention
record PrefillSetup(PrefillProblem problem) {
    private static final int CHECKED_HEADS = 3;
    private static final int CHECKED_TOKENS = 4;

    Workload on(Site site) {
        DType dtype = problem.dtype();
        int tokens = problem.tokens();
        int heads = problem.heads();
        Tensor query = random(site, Seeds.QUERY, tokens, heads, problem.nope() + problem.rope());
        Tensor key = random(site, Seeds.KEY, tokens, heads, problem.nope());
        Tensor ropeKey = random(site, Seeds.ROPE_KEY, tokens, problem.rope());
        Tensor value = random(site, Seeds.VALUE, tokens, heads, problem.value());
        Tensor out = site.arena().tensor(dtype, tokens, heads, problem.value());
        MlaPrefill spec =
                MlaPrefill.of(
                        tokens, 1, heads, problem.nope(), problem.rope(), problem.value(), dtype);
        Plan<MlaPrefill.Args> plan = site.device().plan(spec);
        Launch launch =
                plan.bind(
                        site.arena(),
                        MlaPrefill.Args.of(
                                query,
                                key,
                                ropeKey,
                                value,
                                site.ints(0, tokens),
                                site.ints(0, tokens),
                                out),
                        site.device().workspace(site.arena(), plan));
        return new Workload(
                problem,
                site,
                plan.support(),
                List.of(launch),
                launch.cost().flops(),
                launch.cost().bytes(),
                () -> check(Results.rows(site, launch, out)),
                Results.of(site, launch, out),
                "");
    }

    private Tensor random(Site site, long seed, long... dims) {
        return site.random(problem.dtype(), seed, PrefillProblem.EXPONENT, dims);
    }

    /// Each sample is one query over the keys that it sees, of one head.
    private Accuracy check(TensorRows found) {
        TensorRows query = host(Seeds.QUERY, problem.nope() + problem.rope());
        TensorRows key = host(Seeds.KEY, problem.nope());
        TensorRows value = host(Seeds.VALUE, problem.value());
        TensorRows ropeKey =
                HostMatrix.random(
                        problem.dtype(),
                        problem.tokens(),
                        problem.rope(),
                        Seeds.ROPE_KEY,
                        PrefillProblem.EXPONENT);
        var oracle =
                new dev.halcyon.tck.oracle.MlaPrefill(
                        1, problem.nope(), problem.rope(), problem.value(), problem.scale(), true);
        int[] tokens = Samples.indices(problem.tokens(), CHECKED_TOKENS);
        int[] heads = Samples.indices(problem.heads(), CHECKED_HEADS);
        Errors errors = new Errors();
        for (int head : heads) {
            for (int token : tokens) {
                int visible = token + 1;
                KeyValues seen =
                        new KeyValues(
                                headRows(key, head, visible),
                                ropeKey.slice(0, visible).toArray(),
                                headRows(value, head, visible));
                int row = token * problem.heads() + head;
                double[] wanted = oracle.run(query.row(row), seen, new double[0]).output();
                errors.compare(wanted, 0, found.row(row), 0, problem.value());
            }
        }
        return new Accuracy(
                errors.relative(),
                problem.tolerance(),
                tokens.length + " tokens of " + heads.length + " heads against the oracle");
    }

    private TensorRows host(long seed, int width) {
        return HostMatrix.random(
                problem.dtype(),
                problem.tokens() * problem.heads(),
                width,
                seed,
                PrefillProblem.EXPONENT);
    }

    private double[] headRows(TensorRows all, int head, int count) {
        double[] rows = new double[count * all.columns()];
        for (int i = 0; i < count; i++) {
            System.arraycopy(
                    all.row(i * problem.heads() + head), 0, rows, i * all.columns(), all.columns());
        }
        return rows;
    }
}
