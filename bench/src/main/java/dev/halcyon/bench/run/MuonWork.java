package dev.halcyon.bench.run;

import dev.halcyon.bench.data.Errors;
import dev.halcyon.bench.data.RandomBits;
import dev.halcyon.bench.data.TensorRows;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.kernel.optimizer.Coefficients;
import dev.halcyon.hal.kernel.optimizer.MuonStep;
import dev.halcyon.hal.kernel.optimizer.NewtonSchulz;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;

import java.util.ArrayList;
import java.util.List;

/// One Muon update of a matrix, and every Newton-Schulz iteration of it against the oracle.
///
/// An iteration is checked from the device's own input: the same spec with one step fewer gives
/// that input, so errors do not add up in the comparison.
///
/// @param rows rows of the matrix, at most its columns
/// @param columns columns of the matrix
public record MuonWork(int rows, int columns) implements Work {
    private static final int CHECKED_ROWS = 3;
    private static final double SECONDS = 4;
    private static final float LEARNING_RATE = 2e-3f;
    private static final float WEIGHT_DECAY = 0.1f;

    @Override
    public String name() {
        return "Muon";
    }

    @Override
    public List<Row> run(Device device, Progress progress) {
        NewtonSchulz iteration =
                NewtonSchulz.of(rows, columns).withTypes(DType.F32, DType.F32, DType.F32);
        MuonStep spec =
                MuonStep.moonlight(rows, columns)
                        .withNewtonSchulz(iteration)
                        .withTypes(DType.F32, DType.BF16, DType.F32);
        Plan<MuonStep.Args> plan = device.plan(spec);
        try (DeviceArena arena = device.arena("Muon");
                Stream stream = device.stream("Muon")) {
            Tensor gradient = arena.tensor(DType.BF16, rows, columns);
            RandomBits.fill(stream, gradient, 17, -8);
            Tensor parameter = arena.tensor(DType.F32, rows, columns);
            Tensor momentum = arena.tensor(DType.F32, rows, columns);
            Tensor hyper = arena.tensor(DType.F32, 2);
            stream.write(hyper, LEARNING_RATE, WEIGHT_DECAY);
            Launch launch =
                    plan.bind(
                            arena,
                            MuonStep.Args.of(parameter, gradient, momentum, hyper),
                            device.workspace(arena, plan));
            progress.doing("Muon update of " + rows + "x" + columns);
            double seconds =
                    Timing.median(
                            SECONDS,
                            () -> {
                                stream.fill(parameter, 0.01);
                                stream.fill(momentum, 0);
                                stream.submit(launch);
                                stream.synchronize();
                            });
            progress.doing("checking every Newton-Schulz iteration");
            Errors iterations = new Errors();
            Tensor direction = direction(arena, stream, gradient);
            Tensor orthogonal = checkIterations(arena, stream, iteration, direction, iterations);
            Errors update = new Errors();
            checkUpdate(
                    spec,
                    TensorRows.of(stream, orthogonal),
                    TensorRows.of(stream, parameter),
                    update);
            String implementation = plan.support().implementation().toString();
            String size = rows + "x" + columns;
            return List.of(
                    new Row(
                            "Muon update " + size,
                            implementation,
                            seconds,
                            launch.cost().flops(),
                            launch.cost().bytes(),
                            update.relative(),
                            Errors.F32_TOLERANCE,
                            CHECKED_ROWS + " rows against the oracle"),
                    new Row(
                            "Newton-Schulz "
                                    + size
                                    + ", "
                                    + iteration.steps().size()
                                    + " iterations",
                            device.plan(iteration).support().implementation().toString(),
                            Double.NaN,
                            0,
                            0,
                            iterations.relative(),
                            Errors.F32_TOLERANCE,
                            CHECKED_ROWS + " rows of each iteration from the device's own input"));
        }
    }

    /// With empty momentum the Nesterov direction is `g + beta g`, in F32 as the device has it.
    private Tensor direction(DeviceArena arena, Stream stream, Tensor gradient) {
        Tensor direction = arena.tensor(DType.F32, rows, columns);
        float beta = 0.95f;
        float[] values = stream.readFloats(gradient);
        for (int i = 0; i < values.length; i++) {
            values[i] = Math.fma(beta, values[i], values[i]);
        }
        stream.write(direction, values);
        return direction;
    }

    private Tensor checkIterations(
            DeviceArena arena,
            Stream stream,
            NewtonSchulz iteration,
            Tensor direction,
            Errors errors) {
        double[] before = normalised(TensorRows.of(stream, direction), iteration.epsilon());
        Tensor after = arena.tensor(DType.F32, rows, columns);
        for (int count = 1; count <= iteration.steps().size(); count++) {
            stream.run(
                    iteration.withSteps(iteration.steps().subList(0, count)),
                    NewtonSchulz.Args.of(direction, after));
            Coefficients step = iteration.steps().get(count - 1);
            TensorRows result = TensorRows.of(stream, after);
            for (int row : checkedRows()) {
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
        return after;
    }

    private static double[] normalised(TensorRows direction, double epsilon) {
        double[] x = direction.toArray();
        double sum = 0;
        for (double value : x) {
            sum += value * value;
        }
        double divisor = Math.sqrt(sum) + epsilon;
        for (int i = 0; i < x.length; i++) {
            x[i] /= divisor;
        }
        return x;
    }

    private void checkUpdate(MuonStep spec, TensorRows direction, TensorRows found, Errors errors) {
        for (int row : checkedRows()) {
            double[] wanted = direction.row(row);
            for (int c = 0; c < columns; c++) {
                wanted[c] =
                        0.01 * (1 - (double) LEARNING_RATE * WEIGHT_DECAY)
                                - LEARNING_RATE * spec.updateScale() * wanted[c];
            }
            errors.compare(wanted, 0, found.row(row), 0, columns);
        }
    }

    private List<Integer> checkedRows() {
        List<Integer> checked = new ArrayList<>();
        for (int i = 0; i < CHECKED_ROWS; i++) {
            checked.add(i * (rows - 1) / (CHECKED_ROWS - 1));
        }
        return checked;
    }
}
