package dev.halcyon.hal.kernel.optimizer;

import dev.halcyon.hal.kernel.Lowering;
import dev.halcyon.hal.kernel.elementwise.Axpby;
import dev.halcyon.hal.kernel.elementwise.Cast;
import dev.halcyon.hal.kernel.optimizer.MuonStep.Args;
import dev.halcyon.hal.memory.Tensor;

import java.util.Map;
import java.util.Objects;

/// Says a [MuonStep] in finer specs.
///
/// Momentum goes matrix by matrix, because the matrices of a list lie anywhere and [Axpby] takes
/// one tensor.
final class MuonStepLowering {
    private final MuonStep step;
    private final NewtonSchulz newtonSchulz;

    MuonStepLowering(MuonStep step) {
        this.step = step;
        this.newtonSchulz = step.newtonSchulz();
    }

    Lowering<Args> build() {
        Lowering.Builder<Args> lowering = Lowering.builder();
        int matrices = newtonSchulz.matrices();
        int rows = newtonSchulz.rows();
        int columns = newtonSchulz.columns();
        lowering.scratch("orthogonal", newtonSchulz.out(), matrices, rows, columns);
        if (needsDirection()) {
            lowering.scratch("direction", newtonSchulz.in(), matrices, rows, columns);
        }
        for (int i = 0; i < matrices; i++) {
            momentum(lowering, i);
        }
        lowering.step(
                newtonSchulz,
                (args, scratch) ->
                        new NewtonSchulz.Args(
                                needsDirection() ? piece(scratch, "direction") : args.momentum(),
                                piece(scratch, "orthogonal")));
        lowering.step(
                MuonUpdate.of(step),
                (args, scratch) ->
                        new MuonUpdate.Args(
                                args.parameter(), piece(scratch, "orthogonal"), args.hyper()));
        return lowering.build();
    }

    /// Without Nesterov the direction is the momentum, unless that has another type.
    private boolean needsDirection() {
        return step.nesterov() || step.buffer() != newtonSchulz.in();
    }

    private void momentum(Lowering.Builder<Args> lowering, int matrix) {
        Axpby decay =
                Axpby.add(newtonSchulz.rows(), newtonSchulz.columns(), step.buffer())
                        .withFactors(step.gradientFactor(), step.beta())
                        .withTypes(step.gradient(), step.buffer(), step.buffer());
        lowering.step(
                decay,
                (args, scratch) -> {
                    Tensor inPlace = Matrices.get(args.momentum(), matrix);
                    return Axpby.Args.of(Matrices.get(args.gradient(), matrix), inPlace, inPlace);
                });
        if (step.nesterov()) {
            Axpby ahead = decay.withTypes(step.gradient(), step.buffer(), newtonSchulz.in());
            lowering.step(
                    ahead,
                    (args, scratch) ->
                            Axpby.Args.of(
                                    Matrices.get(args.gradient(), matrix),
                                    Matrices.get(args.momentum(), matrix),
                                    direction(scratch, matrix)));
        } else if (needsDirection()) {
            Cast cast =
                    Cast.of(
                            newtonSchulz.rows(),
                            newtonSchulz.columns(),
                            step.buffer(),
                            newtonSchulz.in());
            lowering.step(
                    cast,
                    (args, scratch) ->
                            Cast.Args.of(
                                    Matrices.get(args.momentum(), matrix),
                                    direction(scratch, matrix)));
        }
    }

    private static Tensor direction(Map<String, Tensor> scratch, int matrix) {
        return Matrices.get(piece(scratch, "direction"), matrix);
    }

    private static Tensor piece(Map<String, Tensor> scratch, String name) {
        return Objects.requireNonNull(scratch.get(name), name);
    }
}
