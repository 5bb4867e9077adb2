package dev.halcyon.hal.kernel.optimizer;

import static dev.halcyon.hal.kernel.AbsentMemory.assertRefused;
import static dev.halcyon.hal.kernel.AbsentMemory.quantized;
import static dev.halcyon.hal.kernel.AbsentMemory.spaced;
import static dev.halcyon.hal.kernel.AbsentMemory.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.optimizer.NewtonSchulz.Form;
import dev.halcyon.hal.kernel.optimizer.NewtonSchulz.NormRule;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.TensorList;

import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;

class NewtonSchulzTest {
    private static final NewtonSchulz ONE = NewtonSchulz.of(6, 10);

    private static TensorList list(int count, long rows, long columns) {
        List<Tensor> matrices = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            matrices.add(tensor(DType.F32, rows, columns));
        }
        return new TensorList(matrices);
    }

    private static NewtonSchulz.Args args(Operand x, Operand out) {
        return NewtonSchulz.Args.of(x, out);
    }

    @Test
    void refusesWhatMakesNoIteration() {
        assertRefused(() -> NewtonSchulz.of(0, 10), "rows", "0");
        assertRefused(() -> NewtonSchulz.of(6, -1), "columns", "-1");
        assertRefused(() -> ONE.withMatrices(0), "matrices", "0");
        assertRefused(() -> ONE.withSteps(List.of()), "steps", "at least one");
        assertRefused(() -> ONE.withNorm(NormRule.CLAMP_MIN, -1e-7), "epsilon", "-1.0E-7");
        assertRefused(() -> ONE.withNorm(NormRule.CLAMP_MIN, Double.NaN), "epsilon", "NaN");
        assertRefused(
                () -> ONE.withTypes(DType.F32, DType.F8_E4M3, DType.F32), "compute", "F8_E4M3");
    }

    @Test
    void takesOneMatrixAStackOrAList() {
        ONE.validate(args(tensor(DType.F32, 6, 10), tensor(DType.F32, 6, 10)));
        ONE.validate(args(tensor(DType.F32, 1, 6, 10), tensor(DType.F32, 6, 10)));
        ONE.validate(args(list(1, 6, 10), tensor(DType.F32, 1, 6, 10)));
        NewtonSchulz three = ONE.withMatrices(3);
        three.validate(args(tensor(DType.F32, 3, 6, 10), list(3, 6, 10)));
        three.validate(args(list(3, 6, 10), list(3, 6, 10)));
    }

    @Test
    void refusesOperandsThatDoNotFit() {
        Tensor good = tensor(DType.F32, 6, 10);
        assertRefused(
                () -> ONE.validate(args(tensor(DType.F32, 10, 6), good)),
                "x",
                "[6, 10]",
                "[10, 6]");
        assertRefused(
                () -> ONE.validate(args(good, tensor(DType.BF16, 6, 10))), "out", "F32", "BF16");
        assertRefused(() -> ONE.validate(args(spaced(DType.F32, 6, 10), good)), "x", "contiguous");
        NewtonSchulz three = ONE.withMatrices(3);
        assertRefused(
                () -> three.validate(args(good, list(3, 6, 10))), "x", "[3, 6, 10]", "[6, 10]");
        assertRefused(
                () -> three.validate(args(list(2, 6, 10), list(3, 6, 10))), "x", "[2, 6, 10]");
    }

    @Test
    void matricesAreCountedThroughEveryForm() {
        TensorList list = list(3, 6, 10);
        assertSame(list.elements().get(2), Matrices.get(list, 2));
        Tensor single = tensor(DType.F32, 6, 10);
        assertSame(single, Matrices.get(single, 0));
        Tensor stack = tensor(DType.F32, 3, 6, 10);
        assertEquals(Shape.of(6, 10), Matrices.get(stack, 2).shape());
        assertEquals(2 * 6 * 10 * 4, Matrices.get(stack, 2).byteOffset());
        assertThrows(IndexOutOfBoundsException.class, () -> Matrices.get(stack, 3));
        assertThrows(IndexOutOfBoundsException.class, () -> Matrices.get(single, 1));
        assertThrows(IndexOutOfBoundsException.class, () -> Matrices.get(list, 3));
        assertRefused(() -> Matrices.get(tensor(DType.F32, 6), 0), "F32", "[6]");
        assertRefused(
                () -> Matrices.get(quantized(QuantizationScheme.FP8_BLOCK_128, 6, 10), 0),
                "F8_E4M3",
                "[6, 10]");
    }

    @Test
    void plainStepsCostFourNSquaredMAndTwoNCubed() {
        double step = 4.0 * 6 * 6 * 10 + 2.0 * 6 * 6 * 6;
        assertEquals(new Cost(5 * step, 2 * 4 * 60), ONE.cost());
        assertEquals(ONE.cost().flops(), NewtonSchulz.of(10, 6).cost().flops(), "tall as wide");
        assertEquals(new Cost(3 * 5 * step, 3 * 2 * 4 * 60), ONE.withMatrices(3).cost());
        assertEquals(10 * step, ONE.withSteps(Coefficients.DEEPSEEK_V4).cost().flops());
    }

    /// Counts the products that the documentation of the form lists, one by one.
    @Test
    void gramStepsCostTheirProducts() {
        int n = 6;
        int m = 10;
        for (int steps = 1; steps <= 10; steps++) {
            double flops = 2.0 * n * n * m;
            boolean identity = true;
            for (int step = 0; step < steps; step++) {
                double small = 2.0 * n * n * n;
                boolean last = step == steps - 1;
                boolean restart = step == 1 && !last;
                flops += small;
                flops += identity ? 0 : small;
                identity = false;
                flops += last || restart ? 0 : 2 * small;
                if (restart) {
                    flops += 2 * 2.0 * n * n * m;
                    identity = true;
                }
            }
            flops += 2.0 * n * n * m;
            NewtonSchulz gram =
                    ONE.withForm(Form.GRAM)
                            .withSteps(Coefficients.repeat(new Coefficients(2, -1.5, 0.5), steps));
            assertEquals(flops, gram.cost().flops(), steps + " steps");
        }
    }

    @Test
    void gramPaysOffForLongMatricesAndStopsAtSquareOnes() {
        NewtonSchulz wide = NewtonSchulz.of(64, 1024);
        assertEquals(
                -1, Double.compare(wide.withForm(Form.GRAM).cost().flops(), wide.cost().flops()));
        NewtonSchulz square = NewtonSchulz.of(64, 64);
        assertEquals(square.cost(), square.withForm(Form.GRAM).cost());
        assertEquals(false, square.withForm(Form.GRAM).usesGram());
    }

    @Test
    void equalCoefficientListsAreOneKey() {
        List<Coefficients> mutable = new ArrayList<>(Coefficients.KELLER_JORDAN);
        NewtonSchulz copied = ONE.withSteps(mutable);
        assertEquals(ONE, copied);
        assertEquals(ONE.hashCode(), copied.hashCode());
        mutable.clear();
        assertEquals(ONE, copied);
        assertNotEquals(ONE, ONE.withSteps(Coefficients.YOU));
        assertNotEquals(ONE, ONE.withForm(Form.GRAM));
        assertNotEquals(ONE, ONE.withNorm(NormRule.CLAMP_MIN, 1e-7));
    }
}
