package dev.halcyon.hal.kernel.elementwise;

import static dev.halcyon.hal.kernel.AbsentMemory.assertRefused;
import static dev.halcyon.hal.kernel.AbsentMemory.quantized;
import static dev.halcyon.hal.kernel.AbsentMemory.spaced;
import static dev.halcyon.hal.kernel.AbsentMemory.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.TensorList;

import org.junit.jupiter.api.Test;

import java.util.List;

class ReduceTest {
    private static final Reduce NORM = Reduce.norm(1000, DType.F32);

    private static void validate(Operand x) {
        NORM.validate(Reduce.Args.of(x, tensor(DType.F32, 1)));
    }

    @Test
    void takesAnyShapeAndAnyListWithinTheBound() {
        validate(tensor(DType.F32));
        validate(tensor(DType.F32, 0));
        validate(tensor(DType.F32, 10, 10, 10));
        Tensor part = tensor(DType.F32, 25, 10);
        validate(new TensorList(List.of(part, part, part, part)));
        assertRefused(() -> validate(tensor(DType.F32, 1001)), "x", "1001", "1000");
        assertRefused(
                () -> validate(new TensorList(List.of(part, part, part, part, part))),
                "x",
                "1250",
                "1000");
    }

    @Test
    void refusesWhatItCannotRead() {
        assertRefused(() -> validate(tensor(DType.BF16, 10)), "x", "F32", "BF16");
        assertRefused(() -> validate(spaced(DType.F32, 3, 4)), "x", "contiguous");
        assertRefused(
                () -> validate(quantized(QuantizationScheme.FP8_TOKEN_128, 4, 128)),
                "x",
                "Dequantize");
        assertRefused(
                () -> NORM.validate(Reduce.Args.of(tensor(DType.F32, 3), tensor(DType.F32, 2))),
                "out",
                "[2]");
        assertRefused(() -> Reduce.sum(0, DType.F32), "maxElements", "0");
        assertRefused(() -> Reduce.sum(10, DType.I32), "in", "I32");
    }

    @Test
    void readsEveryElementOnce() {
        assertEquals(new Cost(2000, 4004), NORM.cost());
        assertEquals(new Cost(1000, 2004), Reduce.max(1000, DType.BF16).cost());
        Tensor part = tensor(DType.F32, 25, 10);
        assertEquals(
                new Cost(1000, 2004),
                NORM.cost(
                        Reduce.Args.of(new TensorList(List.of(part, part)), tensor(DType.F32, 1))));
        assertNotEquals(Reduce.sum(10, DType.F32), Reduce.max(10, DType.F32));
    }
}
