package dev.halcyon.bench.suite;

import dev.halcyon.bench.data.Errors;
import dev.halcyon.bench.data.TensorRows;
import dev.halcyon.bench.problem.MuonProblem;
import dev.halcyon.bench.problem.Seeds;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.kernel.optimizer.MuonStep;
import dev.halcyon.hal.kernel.optimizer.NewtonSchulz;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import java.util.Arrays;
import java.util.List;

/// Sets up a Muon step on several matrices.
///
/// The oracle cannot iterate on matrices of this size, but it can say what one iteration makes of a
/// row. So F32 iterations on the device are checked one by one, each from the device's own input,
/// and the step's direction is held against what they arrive at.
///
/// @param problem the step
record MuonSetup(MuonProblem problem) {
    private static final int CHECKED_ROWS = 3;
    private static final int COMPARED_ROWS = 64;

    Workload on(Site site) {
        NewtonSchulz iterations =
                NewtonSchulz.of(problem.rows(), problem.columns())
                        .withMatrices(problem.matrices())
                        .withNorm(NewtonSchulz.NormRule.ADD_EPSILON, MuonProblem.EPSILON)
                        .withForm(
                                problem.gram() ? NewtonSchulz.Form.GRAM : NewtonSchulz.Form.PLAIN);
        MuonStep spec =
                MuonStep.moonlight(problem.rows(), problem.columns())
                        .withMomentum(MuonStep.Momentum.ACCUMULATE, MuonProblem.BETA, true)
                        .withNewtonSchulz(iterations)
                        .withTypes(DType.F32, DType.BF16, DType.F32);
        Plan<MuonStep.Args> plan = site.device().plan(spec);
        Tensor gradient = site.arena().tensor(DType.BF16, dims());
        for (int matrix = 0; matrix < problem.matrices(); matrix++) {
            site.refill(
                    gradient.get(matrix), Seeds.GRADIENT + matrix, MuonProblem.GRADIENT_EXPONENT);
        }
        Tensor parameter = site.arena().tensor(DType.F32, dims());
        Tensor momentum = site.arena().tensor(DType.F32, dims());
        Tensor hyper = site.arena().tensor(DType.F32, 2);
        site.stream().write(hyper, MuonProblem.RATE, MuonProblem.DECAY);
        Launch launch =
                plan.bind(
                        site.arena(),
                        MuonStep.Args.of(parameter, gradient, momentum, hyper),
                        site.device().workspace(site.arena(), plan));
        Direction direction = new Direction(site, launch, parameter, momentum, spec.updateScale());
        double elements = (double) problem.resultElements();
        return new Workload(
                problem,
                site,
                plan.support(),
                List.of(launch),
                problem.leastFlops(iterations.steps().size()) + 9 * elements,
                launch.cost().bytes(),
                () -> check(site, direction.first(), iterations),
                direction::at,
                "operations are those of the best form known, symmetric products computed by half");
    }

    private long[] dims() {
        return new long[] {problem.matrices(), problem.rows(), problem.columns()};
    }

    /// What a step does to parameters that are zero, as the orthogonal direction.
    private record Direction(
            Site site, Launch launch, Tensor parameter, Tensor momentum, double scale) {
        TensorRows first() {
            site.stream().fill(parameter, 0);
            site.stream().fill(momentum, 0);
            return Results.rows(site, launch, parameter);
        }

        double[] at(long[] positions) {
            TensorRows moved = first();
            return Arrays.stream(positions)
                    .mapToDouble(position -> moved.at(position) / factor())
                    .toArray();
        }

        double factor() {
            return -MuonProblem.RATE * scale;
        }
    }

    private Accuracy check(Site site, TensorRows moved, NewtonSchulz iterations) {
        Errors exact = new Errors();
        double[] wanted = iterate(site, iterations, exact);
        Errors errors = new Errors();
        double factor = -MuonProblem.RATE * problem.updateScale();
        int[] rows = Samples.indices(problem.rows(), COMPARED_ROWS);
        for (int row : rows) {
            double[] found = moved.row(row);
            for (int c = 0; c < found.length; c++) {
                found[c] /= factor;
            }
            errors.compare(wanted, row * problem.columns(), found, 0, found.length);
        }
        boolean trusted = exact.relative() <= Errors.F32_TOLERANCE;
        return new Accuracy(
                trusted ? errors.relative() : Double.NaN,
                problem.tolerance(),
                trusted
                        ? rows.length
                                + " rows against F32 iterations, each checked by the oracle on "
                                + CHECKED_ROWS
                                + " rows"
                        : "the F32 iterations are off by " + exact.relative() + " already");
    }

    /// {@return the first matrix's direction, by iterations in F32 that the oracle has looked at}
    private double[] iterate(Site site, NewtonSchulz iterations, Errors errors) {
        int rows = problem.rows();
        int columns = problem.columns();
        NewtonSchulz wide =
                NewtonSchulz.of(rows, columns)
                        .withNorm(iterations.norm(), iterations.epsilon())
                        .withTypes(DType.F32, DType.F32, DType.F32);
        try (Site scratch = Site.on(site.device(), "Muon reference")) {
            Tensor direction = direction(scratch);
            double[] before = normalised(TensorRows.of(scratch.stream(), direction));
            Tensor after = scratch.arena().tensor(DType.F32, rows, columns);
            for (int count = 1; count <= iterations.steps().size(); count++) {
                scratch.stream()
                        .run(
                                wide.withSteps(iterations.steps().subList(0, count)),
                                NewtonSchulz.Args.of(direction, after));
                var step = iterations.steps().get(count - 1);
                TensorRows result = TensorRows.of(scratch.stream(), after);
                for (int row : Samples.indices(rows, CHECKED_ROWS)) {
                    double[] wanted =
                            dev.halcyon.tck.oracle.NewtonSchulz.stepRow(
                                    before,
                                    rows,
                                    columns,
                                    new dev.halcyon.tck.oracle.Coefficients(
                                            step.a(), step.b(), step.c()),
                                    row);
                    errors.compare(wanted, 0, result.row(row), 0, columns);
                }
                before = result.toArray();
            }
            return before;
        }
    }

    /// With an empty momentum the Nesterov direction is `g + beta g`, in F32 as the device has it.
    private Tensor direction(Site site) {
        TensorRows gradient =
                HostMatrix.random(
                        DType.BF16,
                        problem.rows(),
                        problem.columns(),
                        Seeds.GRADIENT,
                        MuonProblem.GRADIENT_EXPONENT);
        float beta = (float) MuonProblem.BETA;
        float[] values = new float[Math.multiplyExact(problem.rows(), problem.columns())];
        for (int i = 0; i < values.length; i++) {
            float g = (float) gradient.at(i);
            values[i] = Math.fma(beta, g, g);
        }
        Tensor direction = site.arena().tensor(DType.F32, problem.rows(), problem.columns());
        site.stream().write(direction, values);
        return direction;
    }

    private static double[] normalised(TensorRows direction) {
        double[] x = direction.toArray();
        double sum = 0;
        for (double value : x) {
            sum += value * value;
        }
        double divisor = Math.sqrt(sum) + MuonProblem.EPSILON;
        for (int i = 0; i < x.length; i++) {
            x[i] /= divisor;
        }
        return x;
    }
}
