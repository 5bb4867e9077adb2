package dev.halcyon.hal.kernel.optimizer;

import static dev.halcyon.hal.kernel.AbsentMemory.assertRefused;
import static dev.halcyon.hal.kernel.AbsentMemory.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.Lowering;
import dev.halcyon.hal.kernel.LoweringWalk;
import dev.halcyon.hal.kernel.elementwise.Axpby;
import dev.halcyon.hal.kernel.elementwise.Cast;
import dev.halcyon.hal.kernel.optimizer.MuonStep.Momentum;
import dev.halcyon.hal.kernel.optimizer.MuonStep.UpdateScale;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.TensorList;

import org.junit.jupiter.api.Test;

import java.util.List;

class MuonStepTest {
    private static final MuonStep KELLER = MuonStep.kellerJordan(20, 12);

    private static MuonStep.Args args(Operand parameter, Operand gradient, Operand momentum) {
        return MuonStep.Args.of(parameter, gradient, momentum, tensor(DType.F32, 2));
    }

    private static MuonStep.Args args(long... dims) {
        return args(tensor(DType.F32, dims), tensor(DType.F32, dims), tensor(DType.F32, dims));
    }

    private static List<?> specs(MuonStep step) {
        return step.lowering().orElseThrow().steps().stream()
                .map(inner -> (Object) inner.spec())
                .toList();
    }

    @Test
    void namedStepsAreThePublishedOnes() {
        assertEquals(Momentum.EMA, KELLER.momentum());
        assertEquals(Math.sqrt(20.0 / 12), KELLER.updateScale());
        assertEquals(1, MuonStep.kellerJordan(12, 20).updateScale());
        assertEquals(0.2 * Math.sqrt(20), MuonStep.moonlight(20, 12).updateScale());
        assertEquals(0.2 * Math.sqrt(20), MuonStep.moonlight(12, 20).updateScale());
        assertEquals(0.18 * Math.sqrt(20), MuonStep.deepSeekV4(12, 20).updateScale());
        assertEquals(10, MuonStep.deepSeekV4(12, 20).newtonSchulz().steps().size());
        assertEquals(false, MuonStep.kimiK2(12, 20).nesterov());
        assertEquals(NewtonSchulz.NormRule.CLAMP_MIN, MuonStep.torch(12, 20).newtonSchulz().norm());
        assertEquals(
                Math.sqrt(12.0 / 20),
                MuonStep.kellerJordan(12, 20).withScale(UpdateScale.SQRT_RATIO, 1).updateScale());
        assertEquals(0.3, KELLER.withScale(UpdateScale.NONE, 0.3).updateScale());
    }

    @Test
    void aRunningMeanWeighsNewGradientsDown() {
        assertEquals(0.05, KELLER.gradientFactor(), 1e-15);
        assertEquals(1, MuonStep.moonlight(20, 12).gradientFactor());
    }

    @Test
    void refusesWhatMakesNoStep() {
        assertRefused(() -> KELLER.withMomentum(Momentum.EMA, 1, true), "beta", "1.0");
        assertRefused(() -> KELLER.withMomentum(Momentum.EMA, -0.1, true), "beta", "-0.1");
        assertRefused(() -> KELLER.withScale(UpdateScale.NONE, 0), "scaleFactor", "0.0");
        assertRefused(
                () -> KELLER.withTypes(DType.F32, DType.F32, DType.F8_E5M2), "buffer", "F8_E5M2");
        assertRefused(() -> KELLER.withTypes(DType.I32, DType.F32, DType.F32), "parameter", "I32");
    }

    @Test
    void refusesOperandsThatDoNotFit() {
        Tensor good = tensor(DType.F32, 20, 12);
        KELLER.validate(args(20, 12));
        assertRefused(
                () -> KELLER.validate(args(tensor(DType.F32, 12, 20), good, good)),
                "parameter",
                "[12, 20]");
        assertRefused(
                () -> KELLER.validate(args(good, tensor(DType.BF16, 20, 12), good)),
                "gradient",
                "BF16");
        assertRefused(
                () -> KELLER.validate(args(good, good, tensor(DType.F32, 20, 11))),
                "momentum",
                "[20, 11]");
        assertRefused(
                () -> KELLER.validate(MuonStep.Args.of(good, good, good, tensor(DType.F32, 3))),
                "hyper",
                "[3]");
        assertRefused(
                () -> KELLER.withMatrices(2).validate(args(20, 12)), "parameter", "[2, 20, 12]");
    }

    @Test
    void nesterovLooksAheadOfTheNewMomentum() {
        MuonStep.Args args = args(20, 12);
        LoweringWalk walk = LoweringWalk.of(KELLER, args);
        assertEquals(List.of("Axpby", "Axpby", "NewtonSchulz", "MuonUpdate"), walk.names());
        Axpby.Args momentum = walk.args(0, Axpby.Args.class);
        assertSame(args.gradient(), momentum.x());
        assertSame(args.momentum(), momentum.y());
        assertSame(args.momentum(), momentum.out());
        Axpby.Args ahead = walk.args(1, Axpby.Args.class);
        assertSame(args.gradient(), ahead.x());
        assertSame(args.momentum(), ahead.y());
        assertTrue(walk.isScratch(ahead.out(), "direction"));
        MuonUpdate.Args update = walk.args(3, MuonUpdate.Args.class);
        assertSame(args.parameter(), update.parameter());
        assertSame(args.hyper(), update.hyper());
        Axpby mean = Axpby.add(20, 12, DType.F32).withFactors(KELLER.gradientFactor(), 0.95);
        assertEquals(
                List.of(mean, mean, KELLER.newtonSchulz(), MuonUpdate.of(KELLER)), specs(KELLER));
    }

    @Test
    void withoutNesterovTheMomentumIsTheDirection() {
        MuonStep plain = MuonStep.kimiK2(20, 12);
        MuonStep.Args args = args(20, 12);
        LoweringWalk walk = LoweringWalk.of(plain, args);
        assertEquals(List.of("Axpby", "NewtonSchulz", "MuonUpdate"), walk.names());
        assertSame(args.momentum(), walk.args(1, NewtonSchulz.Args.class).x());
        assertEquals(Axpby.add(20, 12, DType.F32).withFactors(1, 0.95), specs(plain).getFirst());
    }

    @Test
    void withoutNesterovAMomentumOfAnotherTypeIsConverted() {
        MuonStep step = MuonStep.kimiK2(20, 12).withTypes(DType.F32, DType.F32, DType.BF16);
        MuonStep.Args args =
                args(
                        tensor(DType.F32, 20, 12),
                        tensor(DType.F32, 20, 12),
                        tensor(DType.BF16, 20, 12));
        LoweringWalk walk = LoweringWalk.of(step, args);
        assertEquals(List.of("Axpby", "Cast", "NewtonSchulz", "MuonUpdate"), walk.names());
        assertEquals(Cast.of(20, 12, DType.BF16, DType.F32), specs(step).get(1));
    }

    @Test
    void typesReachTheFinerSpecs() {
        MuonStep step =
                MuonStep.deepSeekV4(20, 12)
                        .withTypes(DType.F32, DType.BF16, DType.BF16)
                        .withNewtonSchulz(
                                NewtonSchulz.of(20, 12)
                                        .withTypes(DType.BF16, DType.BF16, DType.BF16));
        LoweringWalk.of(
                step,
                args(
                        tensor(DType.F32, 20, 12),
                        tensor(DType.BF16, 20, 12),
                        tensor(DType.BF16, 20, 12)));
        assertEquals(Axpby.add(20, 12, DType.BF16).withFactors(1, 0.95), specs(step).get(1));
        assertEquals(
                new MuonUpdate(1, 20, 12, 0.18 * Math.sqrt(20), DType.F32, DType.BF16),
                specs(step).getLast());
    }

    @Test
    void matricesMayLieAnywhere() {
        MuonStep three = KELLER.withMatrices(3);
        TensorList gradients =
                new TensorList(
                        List.of(
                                tensor(DType.F32, 20, 12),
                                tensor(DType.F32, 20, 12),
                                tensor(DType.F32, 20, 12)));
        Tensor stack = tensor(DType.F32, 3, 20, 12);
        LoweringWalk walk =
                LoweringWalk.of(three, args(tensor(DType.F32, 3, 20, 12), gradients, stack));
        assertEquals(
                List.of(
                        "Axpby",
                        "Axpby",
                        "Axpby",
                        "Axpby",
                        "Axpby",
                        "Axpby",
                        "NewtonSchulz",
                        "MuonUpdate"),
                walk.names());
        assertSame(gradients.elements().get(2), walk.args(4, Axpby.Args.class).x());
        assertEquals(2 * 20 * 12 * 4, walk.args(4, Axpby.Args.class).out().byteOffset());
    }

    @Test
    void scratchHoldsDirectionAndResult() {
        List<Lowering.Scratch> scratch = KELLER.lowering().orElseThrow().scratch();
        assertEquals(
                List.of(
                        new Lowering.Scratch("orthogonal", DType.F32, Shape.of(1, 20, 12)),
                        new Lowering.Scratch("direction", DType.F32, Shape.of(1, 20, 12))),
                scratch);
        assertEquals(1, MuonStep.kimiK2(20, 12).lowering().orElseThrow().scratch().size());
    }

    @Test
    void costsTheOrthogonalisationAndThreePasses() {
        double elements = 240;
        Cost inner = KELLER.newtonSchulz().cost();
        assertEquals(new Cost(inner.flops() + 9 * elements, 4 * 5 * elements + 8), KELLER.cost());
        MuonStep bf16 = KELLER.withTypes(DType.F32, DType.BF16, DType.BF16);
        assertEquals((2 * 4 + 2 + 2 * 2) * elements + 8, bf16.cost().bytes());
    }

    @Test
    void updateRefusesWhatDoesNotFit() {
        MuonUpdate update = MuonUpdate.of(KELLER);
        Tensor good = tensor(DType.F32, 20, 12);
        update.validate(
                MuonUpdate.Args.of(good, tensor(DType.F32, 1, 20, 12), tensor(DType.F32, 2)));
        assertRefused(
                () ->
                        update.validate(
                                MuonUpdate.Args.of(
                                        good, tensor(DType.F32, 20, 13), tensor(DType.F32, 2))),
                "direction",
                "[20, 13]");
        assertRefused(() -> new MuonUpdate(1, 20, 12, 0, DType.F32, DType.F32), "scale", "0.0");
        assertRefused(() -> new MuonUpdate(0, 20, 12, 1, DType.F32, DType.F32), "matrices", "0");
        assertEquals(new Cost(3 * 240, 3 * 4 * 240 + 8), update.cost());
    }

    @Test
    void differsWhereverAComponentDoes() {
        assertEquals(KELLER, MuonStep.kellerJordan(20, 12));
        assertEquals(KELLER.hashCode(), MuonStep.kellerJordan(20, 12).hashCode());
        assertNotEquals(KELLER, MuonStep.torch(20, 12));
        assertNotEquals(KELLER, KELLER.withMomentum(Momentum.EMA, 0.9, true));
        assertNotEquals(KELLER, KELLER.withMatrices(2));
        assertNotEquals(KELLER, MuonStep.kellerJordan(12, 20));
    }
}
