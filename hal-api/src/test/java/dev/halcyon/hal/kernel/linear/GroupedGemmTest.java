package dev.halcyon.hal.kernel.linear;

import static dev.halcyon.hal.kernel.AbsentMemory.assertRefused;
import static dev.halcyon.hal.kernel.AbsentMemory.packed;
import static dev.halcyon.hal.kernel.AbsentMemory.quantized;
import static dev.halcyon.hal.kernel.AbsentMemory.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.TensorList;
import dev.halcyon.hal.memory.WeightFormat;

import org.junit.jupiter.api.Test;

import java.util.Collections;

class GroupedGemmTest {
    private static final WeightFormat BF16 = WeightFormat.rowMajor(DType.BF16);
    private static final GroupedGemm CONTIGUOUS =
            GroupedGemm.contiguous(4, 100, 32, 64, DType.BF16, BF16, DType.BF16);
    private static final GroupedGemm MASKED =
            GroupedGemm.masked(4, 16, 32, 64, DType.BF16, BF16, DType.BF16);
    private static final GroupedGemm K_GROUPED =
            GroupedGemm.kGrouped(4, 100, 32, 64, DType.BF16, DType.BF16, DType.F32);

    private static Tensor bf16(long... dims) {
        return tensor(DType.BF16, dims);
    }

    private static Tensor table(long groups) {
        return tensor(DType.I32, groups);
    }

    private static GroupedGemm.Args contiguous(Tensor a, Operand b, Tensor out) {
        return GroupedGemm.Args.of(a, b, table(4), table(4), out);
    }

    @Test
    void refusesImpossibleComponents() {
        assertRefused(
                () -> GroupedGemm.contiguous(0, 100, 32, 64, DType.BF16, BF16, DType.BF16),
                "groups",
                "0");
        assertRefused(
                () -> GroupedGemm.masked(4, 0, 32, 64, DType.BF16, BF16, DType.BF16),
                "maxRows",
                "0");
        assertRefused(
                () -> GroupedGemm.masked(4, 16, 32, 0, DType.BF16, BF16, DType.BF16), "k", "0");
        assertRefused(() -> CONTIGUOUS.withAccumulate(DType.F16), "accumulate", "F16");
        assertRefused(
                () ->
                        new GroupedGemm(
                                GroupedGemm.Kind.K_GROUPED,
                                4,
                                100,
                                32,
                                64,
                                DType.BF16,
                                BF16.withLayout("tiles"),
                                DType.F32,
                                DType.F32,
                                true,
                                false),
                "b",
                "tiles");
    }

    @Test
    void checksSegmentsOfOneMatrix() {
        CONTIGUOUS.validate(contiguous(bf16(70, 64), bf16(4, 32, 64), bf16(70, 32)));
        CONTIGUOUS.validate(contiguous(bf16(0, 64), bf16(4, 32, 64), bf16(0, 32)));
        assertRefused(
                () ->
                        CONTIGUOUS.validate(
                                contiguous(bf16(101, 64), bf16(4, 32, 64), bf16(101, 32))),
                "a",
                "101");
        assertRefused(
                () -> CONTIGUOUS.validate(contiguous(bf16(70, 64), bf16(3, 32, 64), bf16(70, 32))),
                "b",
                "[4, 32, 64]");
        assertRefused(
                () -> CONTIGUOUS.validate(contiguous(bf16(70, 64), bf16(4, 32, 64), bf16(71, 32))),
                "out",
                "71",
                "70");
        assertRefused(
                () ->
                        CONTIGUOUS.validate(
                                GroupedGemm.Args.masked(
                                        bf16(70, 64), bf16(4, 32, 64), table(4), bf16(70, 32))),
                "segmentStart",
                "missing");
        assertRefused(
                () ->
                        CONTIGUOUS.validate(
                                GroupedGemm.Args.of(
                                        bf16(70, 64),
                                        bf16(4, 32, 64),
                                        table(4),
                                        table(5),
                                        bf16(70, 32))),
                "segmentCount",
                "[4]",
                "[5]");
    }

    @Test
    void checksAMatrixForEachGroup() {
        MASKED.validate(
                GroupedGemm.Args.masked(bf16(4, 9, 64), bf16(4, 32, 64), table(4), bf16(4, 9, 32)));
        assertRefused(
                () ->
                        MASKED.validate(
                                GroupedGemm.Args.masked(
                                        bf16(4, 17, 64),
                                        bf16(4, 32, 64),
                                        table(4),
                                        bf16(4, 17, 32))),
                "a",
                "17",
                "16");
        assertRefused(
                () ->
                        MASKED.validate(
                                GroupedGemm.Args.masked(
                                        bf16(4, 9, 64),
                                        bf16(4, 32, 64),
                                        table(4),
                                        bf16(4, 16, 32))),
                "out",
                "[4, 9, 32]",
                "[4, 16, 32]");
        assertRefused(
                () ->
                        MASKED.validate(
                                GroupedGemm.Args.of(
                                        bf16(4, 9, 64),
                                        bf16(4, 32, 64),
                                        table(4),
                                        table(4),
                                        bf16(4, 9, 32))),
                "segmentStart",
                "does not use it");
    }

    @Test
    void checksGradientsOfWeights() {
        K_GROUPED.validate(contiguous(bf16(70, 32), bf16(70, 64), tensor(DType.F32, 4, 32, 64)));
        assertRefused(
                () ->
                        K_GROUPED.validate(
                                contiguous(
                                        bf16(70, 32), bf16(69, 64), tensor(DType.F32, 4, 32, 64))),
                "b",
                "[70, 64]",
                "[69, 64]");
        assertRefused(
                () ->
                        K_GROUPED.validate(
                                contiguous(
                                        bf16(70, 32), bf16(70, 64), tensor(DType.F32, 4, 64, 32))),
                "out",
                "[4, 32, 64]");
    }

    @Test
    void takesExpertsAtManyAddressesAndPackedOnes() {
        GroupedGemm listed =
                GroupedGemm.contiguous(4, 100, 32, 64, DType.BF16, BF16.listed(), DType.BF16);
        listed.validate(
                contiguous(
                        bf16(70, 64),
                        new TensorList(Collections.nCopies(4, bf16(32, 64))),
                        bf16(70, 32)));
        QuantizationScheme scheme = QuantizationScheme.FP4_GROUP_32;
        WeightFormat groups = WeightFormat.rowMajor(scheme);
        GroupedGemm.contiguous(4, 100, 32, 64, DType.BF16, groups, DType.BF16)
                .validate(contiguous(bf16(70, 64), quantized(scheme, 4, 32, 64), bf16(70, 32)));
        WeightFormat tiles = groups.withLayout("tiles").listed();
        GroupedGemm.contiguous(4, 100, 32, 64, DType.BF16, tiles, DType.BF16)
                .validate(
                        contiguous(
                                bf16(70, 64),
                                new TensorList(
                                        Collections.nCopies(4, packed(tiles.unlisted(), 32, 64))),
                                bf16(70, 32)));
    }

    @Test
    void readsOutOnlyWhenAdding() {
        GroupedGemm.Args args =
                contiguous(bf16(70, 32), bf16(70, 64), tensor(DType.F32, 4, 32, 64));
        assertEquals(Operands.Mode.WRITE, K_GROUPED.operands(args).accesses().getLast().mode());
        assertEquals(
                Operands.Mode.UPDATE,
                K_GROUPED.withAdd(true).operands(args).accesses().getLast().mode());
        assertEquals(
                K_GROUPED.cost().bytes() + 4.0 * 4 * 32 * 64,
                K_GROUPED.withAdd(true).cost().bytes());
    }

    @Test
    void costsTwoOperationsForEachProduct() {
        double tables = 2 * 4 * 4;
        assertEquals(
                new Cost(2.0 * 100 * 32 * 64, tables + 2 * (100 * 64 + 4 * 32 * 64 + 100 * 32)),
                CONTIGUOUS.cost());
        assertEquals(
                new Cost(
                        2.0 * 4 * 16 * 32 * 64,
                        tables / 2 + 2 * (4 * 16 * 64 + 4 * 32 * 64 + 4 * 16 * 32)),
                MASKED.cost());
        assertEquals(
                new Cost(2.0 * 100 * 32 * 64, tables + 2 * (100 * 32 + 100 * 64) + 4 * 4 * 32 * 64),
                K_GROUPED.cost());
        assertEquals(
                2.0 * 70 * 32 * 64,
                CONTIGUOUS.cost(contiguous(bf16(70, 64), bf16(4, 32, 64), bf16(70, 32))).flops());
        assertEquals(
                2.0 * 4 * 9 * 32 * 64,
                MASKED.cost(
                                GroupedGemm.Args.masked(
                                        bf16(4, 9, 64), bf16(4, 32, 64), table(4), bf16(4, 9, 32)))
                        .flops());
    }

    @Test
    void everyComponentIsPartOfTheKey() {
        assertEquals(
                CONTIGUOUS, GroupedGemm.contiguous(4, 100, 32, 64, DType.BF16, BF16, DType.BF16));
        assertNotEquals(
                CONTIGUOUS, GroupedGemm.masked(4, 100, 32, 64, DType.BF16, BF16, DType.BF16));
        assertNotEquals(CONTIGUOUS, CONTIGUOUS.withAdd(true));
        assertNotEquals(CONTIGUOUS, CONTIGUOUS.withBatchInvariant(true));
        assertNotEquals(CONTIGUOUS, CONTIGUOUS.withAccumulate(DType.F64));
    }
}
