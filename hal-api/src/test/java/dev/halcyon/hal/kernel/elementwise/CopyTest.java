package dev.halcyon.hal.kernel.elementwise;

import static dev.halcyon.hal.kernel.AbsentMemory.assertRefused;
import static dev.halcyon.hal.kernel.AbsentMemory.spaced;
import static dev.halcyon.hal.kernel.AbsentMemory.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.memory.DType;

import org.junit.jupiter.api.Test;

class CopyTest {
    @Test
    void copiesAnyTypeBetweenAnyRowStrides() {
        for (DType dtype : DType.values()) {
            Copy copy = Copy.of(8, 16, dtype);
            copy.validate(Copy.Args.of(spaced(dtype, 4, 16), tensor(dtype, 4, 16)));
            copy.validate(Copy.Args.of(tensor(dtype, 4, 16), spaced(dtype, 4, 16)));
        }
    }

    @Test
    void refusesHalfABytePerRow() {
        assertRefused(() -> Copy.of(8, 15, DType.I4), "dim", "I4", "15");
    }

    @Test
    void refusesTransposedMatrices() {
        Copy copy = Copy.of(8, 16, DType.F32);
        assertRefused(
                () ->
                        copy.validate(
                                Copy.Args.of(
                                        tensor(DType.F32, 16, 4).transpose(0, 1),
                                        tensor(DType.F32, 4, 16))),
                "x",
                "stride 1");
    }

    @Test
    void readsAndWritesEveryByteOnce() {
        assertEquals(new Cost(0, 2 * 8 * 16 / 2), Copy.of(8, 16, DType.I4).cost());
        assertEquals(new Cost(0, 2 * 8 * 16 * 8), Copy.of(8, 16, DType.I64).cost());
    }
}
