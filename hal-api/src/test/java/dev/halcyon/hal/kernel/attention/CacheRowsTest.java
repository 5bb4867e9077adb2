package dev.halcyon.hal.kernel.attention;

import static dev.halcyon.hal.kernel.AbsentMemory.assertRefused;
import static dev.halcyon.hal.kernel.AbsentMemory.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.memory.CacheFormat;
import dev.halcyon.hal.memory.CachePool;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import org.junit.jupiter.api.Test;

/// Rows on their way into the cache and back.
class CacheRowsTest {
    private static final CacheFormat FORMAT = CacheFormat.rowMajor(DType.BF16, 12, 4, 8);
    private static final CacheAppend APPEND = CacheAppend.of(6, FORMAT, DType.F32);
    private static final CacheGather GATHER = CacheGather.of(6, FORMAT, DType.F32);

    private static CachePool pool(CacheFormat format) {
        return new CachePool(tensor(DType.U8, 3, format.bytesPerPage()), format);
    }

    private static CacheAppend.Args append(long tokens) {
        Tensor both = tensor(DType.F32, tokens, 16);
        return CacheAppend.Args.of(
                both.slice(1, 0, 12),
                both.slice(1, 12, 16),
                tensor(DType.I32, tokens),
                pool(FORMAT));
    }

    private static CacheGather.Args gather(long rows) {
        return CacheGather.Args.of(
                pool(FORMAT),
                tensor(DType.I32, rows),
                tensor(DType.F32, rows, 12),
                tensor(DType.F32, rows, 4));
    }

    @Test
    void takeSlicesOfOneProjection() {
        APPEND.validate(append(6));
        APPEND.validate(append(0));
        GATHER.validate(gather(6));
        GATHER.validate(gather(0));
    }

    @Test
    void refuseMoreRowsThanTheBound() {
        assertRefused(() -> APPEND.validate(append(7)), "latent has 7 rows", "6");
        assertRefused(() -> GATHER.validate(gather(7)), "slots has 7 rows", "6");
        assertRefused(() -> CacheAppend.of(0, FORMAT, DType.F32), "maxTokens", "0");
        assertRefused(() -> CacheGather.of(0, FORMAT, DType.F32), "maxRows", "0");
        assertRefused(() -> CacheAppend.of(6, FORMAT, DType.U8), "in", "U8");
        assertRefused(() -> CacheGather.of(6, FORMAT, DType.U8), "out", "U8");
    }

    @Test
    void refuseAPoolOfAnotherFormat() {
        CacheFormat other = CacheFormat.rowMajor(DType.BF16, 12, 4, 16);
        CacheAppend.Args good = append(4);
        assertRefused(
                () ->
                        APPEND.validate(
                                CacheAppend.Args.of(
                                        good.latent(), good.ropeKey(), good.slots(), pool(other))),
                "cache",
                "rowsPerPage=8",
                "rowsPerPage=16");
    }

    @Test
    void refuseOperandsThatDoNotFit() {
        CacheAppend.Args good = append(4);
        assertRefused(
                () ->
                        APPEND.validate(
                                CacheAppend.Args.of(
                                        good.latent(),
                                        tensor(DType.F32, 4, 5),
                                        good.slots(),
                                        good.cache())),
                "ropeKey",
                "[4, 5]");
        assertRefused(
                () ->
                        APPEND.validate(
                                CacheAppend.Args.of(
                                        good.latent(),
                                        good.ropeKey(),
                                        tensor(DType.I32, 3),
                                        good.cache())),
                "slots",
                "[3]");
        CacheGather.Args back = gather(4);
        assertRefused(
                () ->
                        GATHER.validate(
                                CacheGather.Args.of(
                                        back.cache(),
                                        back.slots(),
                                        tensor(DType.BF16, 4, 12),
                                        back.ropeKey())),
                "latent",
                "BF16");
    }

    @Test
    void aCacheWithoutRopeTakesAnEmptyRopeKey() {
        CacheFormat bare = CacheFormat.rowMajor(DType.BF16, 12, 0, 8);
        CacheAppend.of(6, bare, DType.F32)
                .validate(
                        CacheAppend.Args.of(
                                tensor(DType.F32, 4, 12),
                                tensor(DType.F32, 4, 0),
                                tensor(DType.I32, 4),
                                pool(bare)));
    }

    @Test
    void appendUpdatesThePagesAndGatherReadsThem() {
        assertEquals(Operands.Mode.UPDATE, mode(append(4).operands()));
        assertEquals(Operands.Mode.READ, mode(gather(4).operands()));
    }

    private static Operands.Mode mode(Operands operands) {
        return operands.accesses().stream()
                .filter(access -> access.name().equals("cache"))
                .findFirst()
                .orElseThrow()
                .mode();
    }

    @Test
    void costARowOnBothSides() {
        Cost perRow = new Cost(0, 6 * (4 + 4 * 16 + 2 * 16));
        assertEquals(perRow, APPEND.cost());
        assertEquals(perRow, GATHER.cost());
        assertEquals(APPEND.cost(), APPEND.cost(append(6)));
        assertEquals(GATHER.cost().bytes() / 2, GATHER.cost(gather(3)).bytes());
    }
}
