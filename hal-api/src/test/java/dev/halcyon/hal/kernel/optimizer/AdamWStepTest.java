package dev.halcyon.hal.kernel.optimizer;

import static dev.halcyon.hal.kernel.AbsentMemory.assertRefused;
import static dev.halcyon.hal.kernel.AbsentMemory.spaced;
import static dev.halcyon.hal.kernel.AbsentMemory.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.TensorList;

import org.junit.jupiter.api.Test;

import java.util.stream.IntStream;

class AdamWStepTest {
    private static final AdamWStep STEP = AdamWStep.torch(60);

    private static AdamWStep.Args args(
            Operand parameter, Operand gradient, Operand first, Operand second) {
        return AdamWStep.Args.of(
                parameter, gradient, first, second, tensor(DType.F32, 2), tensor(DType.I32, 1));
    }

    private static AdamWStep.Args args(long... dims) {
        return args(
                tensor(DType.F32, dims),
                tensor(DType.F32, dims),
                tensor(DType.F32, dims),
                tensor(DType.F32, dims));
    }

    private static TensorList list(int count, long... dims) {
        return new TensorList(
                IntStream.range(0, count).mapToObj(i -> tensor(DType.F32, dims)).toList());
    }

    @Test
    void namedStepsAreThePublishedOnes() {
        assertEquals(AdamWStep.Form.TORCH, STEP.form());
        assertEquals(AdamWStep.Form.MOONLIGHT, AdamWStep.moonlight(60).form());
        assertEquals(STEP.withConstants(0.9, 0.95, 1e-20), AdamWStep.deepSeekV4(60));
    }

    @Test
    void takesAnyShapeWithinTheBound() {
        STEP.validate(args(60));
        STEP.validate(args(6, 10));
        STEP.validate(args(3, 4, 5));
        STEP.validate(args());
        STEP.validate(args(0));
        STEP.validate(args(list(3, 4, 5), list(3, 4, 5), list(3, 4, 5), list(3, 4, 5)));
    }

    @Test
    void refusesOperandsThatDoNotFit() {
        Tensor good = tensor(DType.F32, 6, 10);
        assertRefused(() -> STEP.validate(args(61)), "parameter has 61 elements", "60");
        assertRefused(
                () -> STEP.validate(args(good, tensor(DType.F32, 60), good, good)),
                "gradient",
                "[6, 10]");
        assertRefused(
                () -> STEP.validate(args(good, tensor(DType.BF16, 6, 10), good, good)),
                "gradient",
                "BF16");
        assertRefused(
                () -> STEP.validate(args(good, good, spaced(DType.F32, 6, 10), good)),
                "firstMoment");
        assertRefused(
                () -> STEP.validate(args(good, good, good, tensor(DType.F32, 5, 10))),
                "secondMoment",
                "[5, 10]");
        assertRefused(
                () ->
                        STEP.validate(
                                args(
                                        list(3, 4, 5),
                                        tensor(DType.F32, 3, 4, 5),
                                        list(3, 4, 5),
                                        list(3, 4, 5))),
                "gradient",
                "listed");
        assertRefused(
                () ->
                        STEP.validate(
                                AdamWStep.Args.of(
                                        good,
                                        good,
                                        good,
                                        good,
                                        tensor(DType.F32, 1),
                                        tensor(DType.I32, 1))),
                "hyper",
                "[1]");
        assertRefused(
                () ->
                        STEP.validate(
                                AdamWStep.Args.of(
                                        good,
                                        good,
                                        good,
                                        good,
                                        tensor(DType.F32, 2),
                                        tensor(DType.I64, 1))),
                "step",
                "I64");
    }

    @Test
    void refusesWhatMakesNoStep() {
        assertRefused(() -> AdamWStep.torch(0), "maxElements", "0");
        assertRefused(() -> STEP.withConstants(1, 0.9, 1e-8), "beta1", "1.0");
        assertRefused(() -> STEP.withConstants(0.9, -0.1, 1e-8), "beta2", "-0.1");
        assertRefused(() -> STEP.withConstants(0.9, 0.9, -1), "epsilon", "-1.0");
        assertRefused(() -> STEP.withTypes(DType.F32, DType.F32, DType.I8), "moments", "I8");
    }

    @Test
    void costsEveryStateOnceInAndOnceOut() {
        assertEquals(new Cost(12 * 60, 60 * 4 * 7 + 12), STEP.cost());
        assertEquals(STEP.cost(), STEP.cost(args(6, 10)));
        assertEquals(new Cost(0, 12), STEP.cost(args(0)));
        AdamWStep bf16 = STEP.withTypes(DType.F32, DType.BF16, DType.BF16);
        assertEquals(60 * (2 * 4 + 2 + 4 * 2) + 12, bf16.cost().bytes());
    }

    @Test
    void differsWhereverAComponentDoes() {
        assertEquals(STEP, AdamWStep.torch(60));
        assertNotEquals(STEP, AdamWStep.moonlight(60));
        assertNotEquals(STEP, AdamWStep.torch(61));
        assertNotEquals(STEP, STEP.withTypes(DType.F32, DType.F32, DType.BF16));
    }
}
