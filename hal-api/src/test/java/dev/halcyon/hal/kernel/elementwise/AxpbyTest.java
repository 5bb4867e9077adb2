package dev.halcyon.hal.kernel.elementwise;

import static dev.halcyon.hal.kernel.AbsentMemory.assertRefused;
import static dev.halcyon.hal.kernel.AbsentMemory.spaced;
import static dev.halcyon.hal.kernel.AbsentMemory.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.memory.DType;

import org.junit.jupiter.api.Test;

import java.util.Set;

class AxpbyTest {
    private static final Axpby ADD = Axpby.add(8, 16, DType.BF16);

    private static Axpby.Args args(long rows) {
        return Axpby.Args.of(
                tensor(DType.BF16, rows, 16),
                tensor(DType.BF16, rows, 16),
                tensor(DType.BF16, rows, 16));
    }

    @Test
    void refusesImpossibleComponents() {
        assertRefused(() -> Axpby.add(0, 16, DType.F32), "maxRows", "0");
        assertRefused(() -> Axpby.add(8, -1, DType.F32), "dim", "-1");
        assertRefused(() -> ADD.withTypes(DType.F32, DType.I32, DType.F32), "y", "I32");
        assertRefused(() -> ADD.withFactors(Double.NaN, 1), "alpha", "NaN");
        assertRefused(() -> ADD.withFactors(1, Double.POSITIVE_INFINITY), "beta", "Infinity");
    }

    @Test
    void refusesOperandsThatDoNotFit() {
        ADD.validate(args(8));
        ADD.validate(args(0));
        assertRefused(() -> ADD.validate(args(9)), "x", "9", "8");
        Axpby.Args good = args(4);
        assertRefused(
                () -> ADD.validate(Axpby.Args.of(good.x(), tensor(DType.BF16, 5, 16), good.out())),
                "y",
                "5",
                "4");
        assertRefused(
                () -> ADD.validate(Axpby.Args.of(good.x(), good.y(), tensor(DType.F32, 4, 16))),
                "out",
                "F32",
                "BF16");
        assertRefused(
                () -> ADD.validate(good.withActiveRows(tensor(DType.I64, 1))),
                "activeRows",
                "I64",
                "I32");
    }

    @Test
    void takesRowsThatLieApart() {
        ADD.validate(
                Axpby.Args.of(
                        spaced(DType.BF16, 3, 16),
                        tensor(DType.BF16, 3, 16),
                        spaced(DType.BF16, 3, 16)));
    }

    @Test
    void wantsDeviceScalarsExactlyWhenAskedFor() {
        Axpby device = ADD.withDeviceScalars();
        device.validate(args(4).withScalars(tensor(DType.F32, 2)));
        assertRefused(() -> device.validate(args(4)), "scalars", "missing");
        assertRefused(
                () -> device.validate(args(4).withScalars(tensor(DType.F32, 1))), "scalars", "[1]");
        assertRefused(() -> ADD.validate(args(4).withScalars(tensor(DType.F32, 2))), "scalars");
    }

    @Test
    void mayWriteOverEitherAddend() {
        Operands.Access out = args(4).operands().accesses().getLast();
        assertEquals("out", out.name());
        assertEquals(Operands.Mode.WRITE, out.mode());
        assertEquals(Set.of("x", "y"), out.mayEqual());
    }

    @Test
    void factorsArePartOfTheKeyUnlessTheDeviceHasThem() {
        assertNotEquals(ADD, ADD.withFactors(1, 2));
        assertEquals(ADD.withDeviceScalars(), ADD.withFactors(3, 2).withDeviceScalars());
    }

    @Test
    void costsThreeOperationsAndThreeElements() {
        assertEquals(new Cost(3 * 8 * 16, 3 * 2 * 8 * 16), ADD.cost());
        assertEquals(new Cost(3 * 5 * 16, 3 * 2 * 5 * 16), ADD.cost(args(5)));
    }
}
