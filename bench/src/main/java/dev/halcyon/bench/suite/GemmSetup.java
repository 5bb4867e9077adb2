package dev.halcyon.bench.suite;

import dev.halcyon.bench.data.Errors;
import dev.halcyon.bench.data.TensorRows;
import dev.halcyon.bench.problem.GemmProblem;
import dev.halcyon.bench.problem.Seeds;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.kernel.linear.Gemm;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.WeightFormat;

import java.util.ArrayList;
import java.util.List;

/// Sets up a product of two matrices.
///
/// The right side of a linear layer lies in the format that the device prefers, as a model's weight
/// would; that of a general product is as it comes.
///
/// @param problem the product
/// @param copies right sides that runs use in turn
record GemmSetup(GemmProblem problem, int copies) {
    private static final int CHECKED_ROWS = 8;
    private static final int CHECKED_COLUMNS = 24;

    Workload on(Site site) {
        DType dtype = problem.dtype();
        Tensor a =
                site.random(
                        dtype, Seeds.INPUT, GemmProblem.LEFT_EXPONENT, problem.m(), problem.k());
        Tensor out = site.arena().tensor(dtype, problem.m(), problem.n());
        List<Operand> rights = new ArrayList<>();
        Gemm spec;
        if (problem.linear()) {
            Weights weights = Weights.plain(site, dtype, problem.n(), problem.k());
            for (int i = 0; i < copies; i++) {
                rights.add(weights.make(Seeds.WEIGHT + i, GemmProblem.RIGHT_EXPONENT));
            }
            spec =
                    Gemm.linear(
                            problem.m(), problem.k(), problem.n(), dtype, weights.format(), dtype);
        } else {
            for (int i = 0; i < copies; i++) {
                rights.add(
                        site.random(
                                dtype,
                                Seeds.WEIGHT + i,
                                GemmProblem.RIGHT_EXPONENT,
                                problem.k(),
                                problem.n()));
            }
            spec =
                    Gemm.batched(
                            1,
                            problem.m(),
                            problem.n(),
                            problem.k(),
                            dtype,
                            WeightFormat.rowMajor(dtype),
                            dtype);
        }
        Plan<Gemm.Args> plan = site.device().plan(spec);
        var workspace = site.device().workspace(site.arena(), plan);
        List<Launch> launches =
                rights.stream()
                        .map(b -> plan.bind(site.arena(), Gemm.Args.of(a, b, out), workspace))
                        .toList();
        return new Workload(
                problem,
                site,
                plan.support(),
                launches,
                launches.getFirst().cost().flops(),
                launches.getFirst().cost().bytes(),
                () -> check(Results.rows(site, launches.getFirst(), out)),
                Results.of(site, launches.getFirst(), out),
                copies == 1 ? "" : copies + " weights in turn");
    }

    private Accuracy check(TensorRows found) {
        int k = problem.k();
        int[] rows = Samples.indices(problem.m(), CHECKED_ROWS);
        int[] columns = Samples.indices(problem.n(), CHECKED_COLUMNS);
        TensorRows a =
                HostMatrix.random(
                        problem.dtype(), problem.m(), k, Seeds.INPUT, GemmProblem.LEFT_EXPONENT);
        double[] left = new double[rows.length * k];
        for (int i = 0; i < rows.length; i++) {
            System.arraycopy(a.row(rows[i]), 0, left, i * k, k);
        }
        double[] wanted = new double[rows.length * columns.length];
        dev.halcyon.tck.oracle.Gemm.run(
                1,
                rows.length,
                columns.length,
                k,
                1,
                dev.halcyon.tck.oracle.Gemm.Matrix.rowMajor(left, rows.length, k),
                dev.halcyon.tck.oracle.Gemm.Matrix.rowMajor(columnsOfB(columns), columns.length, k)
                        .transposed(),
                0,
                dev.halcyon.tck.oracle.Gemm.Matrix.rowMajor(wanted, rows.length, columns.length));
        Errors errors = new Errors();
        for (int i = 0; i < wanted.length; i++) {
            long position =
                    (long) rows[i / columns.length] * problem.n() + columns[i % columns.length];
            errors.compare(wanted[i], found.at(position));
        }
        return new Accuracy(
                errors.relative(),
                problem.tolerance(),
                rows.length + " rows, " + columns.length + " columns against the oracle");
    }

    /// Columns of the logical right side, one after the other.
    private double[] columnsOfB(int[] columns) {
        int k = problem.k();
        double[] picked = new double[columns.length * k];
        int rowsOfB = problem.linear() ? problem.n() : k;
        TensorRows b =
                HostMatrix.random(
                        problem.dtype(),
                        rowsOfB,
                        problem.linear() ? k : problem.n(),
                        Seeds.WEIGHT,
                        GemmProblem.RIGHT_EXPONENT);
        for (int c = 0; c < columns.length; c++) {
            for (int p = 0; p < k; p++) {
                long position =
                        problem.linear()
                                ? (long) columns[c] * k + p
                                : (long) p * problem.n() + columns[c];
                picked[c * k + p] = b.at(position);
            }
        }
        return picked;
    }
}
