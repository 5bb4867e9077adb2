package dev.halcyon.bench.suite;

import dev.halcyon.bench.data.Errors;
import dev.halcyon.bench.data.TensorRows;
import dev.halcyon.bench.problem.DecodeProblem;
import dev.halcyon.bench.problem.Seeds;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.kernel.attention.MlaDecode;
import dev.halcyon.hal.memory.CacheFormat;
import dev.halcyon.hal.memory.CachePool;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.tck.oracle.Attention;
import dev.halcyon.tck.oracle.Rows;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/// Sets up a decode step over pages in random order; each copy is a sequence of its own in one
/// pool.
///
/// @param problem the step
/// @param copies sequences that runs take in turn
record DecodeSetup(DecodeProblem problem, int copies) {
    private static final int CHECKED_HEADS = 3;

    /// The oracle takes some seconds a head for a million rows.
    private static final int MANY_ROWS = 200_000;

    Workload on(Site site) {
        CacheFormat format = format(site);
        int pages = Math.toIntExact(format.pagesFor(problem.length()));
        if (problem.length() % format.rowsPerPage() != 0) {
            throw new IllegalArgumentException(
                    problem.length()
                            + " rows do not fill pages of "
                            + format.rowsPerPage()
                            + "; copies need whole pages");
        }
        CachePool pool = CachePool.allocate(site.arena(), format, (long) copies * pages);
        site.refill(
                pool.rows().reshape(pool.slots(), format.rowDim()),
                Seeds.CACHE,
                DecodeProblem.CACHE_EXPONENT);
        Tensor query =
                site.random(
                        DType.BF16,
                        Seeds.QUERY,
                        DecodeProblem.QUERY_EXPONENT,
                        1,
                        problem.heads(),
                        problem.rowDim());
        Tensor out = site.arena().tensor(DType.BF16, 1, problem.heads(), problem.latent());
        Tensor lengths = site.ints(problem.length());
        MlaDecode spec =
                MlaDecode.of(1, problem.heads(), problem.scale(), format, pages, DType.BF16);
        Plan<MlaDecode.Args> plan = site.device().plan(spec);
        var workspace = site.device().workspace(site.arena(), plan);
        List<Launch> launches = new ArrayList<>();
        for (int copy = 0; copy < copies; copy++) {
            Tensor table = site.ints(pages(copy, pages)).reshape(1, pages);
            launches.add(
                    plan.bind(
                            site.arena(),
                            MlaDecode.Args.of(query, pool, table, lengths, out),
                            workspace));
        }
        return new Workload(
                problem,
                site,
                plan.support(),
                launches,
                spec.cost(1, problem.length()).flops(),
                spec.cost(1, problem.length()).bytes(),
                () -> check(Results.rows(site, launches.getFirst(), out)),
                Results.of(site, launches.getFirst(), out),
                copies + (copies == 1 ? " sequence" : " sequences in turn"));
    }

    /// The device's own format where its pages hold plain rows, else the canonical one.
    private CacheFormat format(Site site) {
        CacheFormat own = site.device().cacheFormat(DType.BF16, problem.latent(), problem.rope());
        return own.isRowMajor()
                ? own
                : CacheFormat.rowMajor(
                        DType.BF16,
                        problem.latent(),
                        problem.rope(),
                        CacheFormat.DEFAULT_ROWS_PER_PAGE);
    }

    private static int[] pages(int copy, int pages) {
        List<Integer> order = new ArrayList<>(IntStream.range(0, pages).boxed().toList());
        Collections.shuffle(order, new Random(copy));
        return order.stream().mapToInt(page -> copy * pages + page).toArray();
    }

    /// Rows in the order of the pool: all of them are seen, and a softmax does not depend on their
    /// order.
    private Accuracy check(TensorRows found) {
        Rows cache =
                HostMatrix.random(
                        DType.BF16,
                        problem.length(),
                        problem.rowDim(),
                        Seeds.CACHE,
                        DecodeProblem.CACHE_EXPONENT);
        double[] queries =
                HostMatrix.random(
                                DType.BF16,
                                problem.heads(),
                                problem.rowDim(),
                                Seeds.QUERY,
                                DecodeProblem.QUERY_EXPONENT)
                        .toArray();
        int[] heads =
                Samples.indices(problem.heads(), problem.length() > MANY_ROWS ? 2 : CHECKED_HEADS);
        Errors errors = new Errors();
        for (int head : heads) {
            double[] wanted =
                    new dev.halcyon.tck.oracle.MlaDecode(
                                    problem.heads(), problem.latent(), problem.scale())
                            .head(queries, 0, head, cache, problem.length(), Attention.NO_SINK)
                            .output();
            errors.compare(wanted, 0, found.row(head), 0, problem.latent());
        }
        return new Accuracy(
                errors.relative(), problem.tolerance(), heads.length + " heads against the oracle");
    }
}
