package dev.halcyon.hal.kernel.elementwise;

import static dev.halcyon.hal.kernel.AbsentMemory.assertRefused;
import static dev.halcyon.hal.kernel.AbsentMemory.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.memory.DType;

import org.junit.jupiter.api.Test;

class CastTest {
    private static final Cast CAST = Cast.of(8, 16, DType.F32, DType.F8_E4M3);

    @Test
    void refusesWhatIsNoNumberFormat() {
        assertRefused(() -> Cast.of(8, 0, DType.F32, DType.BF16), "dim", "0");
        assertRefused(() -> Cast.of(8, 16, DType.I32, DType.BF16), "from", "I32");
        assertRefused(() -> Cast.of(8, 16, DType.F32, DType.F4_E2M1), "to", "F4_E2M1");
        assertRefused(() -> Cast.of(8, 16, DType.F32, DType.F8_E8M0), "to", "F8_E8M0");
    }

    @Test
    void refusesOperandsThatDoNotFit() {
        CAST.validate(Cast.Args.of(tensor(DType.F32, 3, 16), tensor(DType.F8_E4M3, 3, 16)));
        assertRefused(
                () ->
                        CAST.validate(
                                Cast.Args.of(
                                        tensor(DType.F32, 3, 16), tensor(DType.F8_E5M2, 3, 16))),
                "out",
                "F8_E4M3",
                "F8_E5M2");
        assertRefused(
                () ->
                        CAST.validate(
                                Cast.Args.of(
                                        tensor(DType.F32, 3, 16), tensor(DType.F8_E4M3, 2, 16))),
                "out",
                "2",
                "x",
                "3");
    }

    @Test
    void movesOneElementOfEachType() {
        assertEquals(new Cost(0, (4 + 1) * 8 * 16), CAST.cost());
    }
}
