package dev.halcyon.backend.cpu.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.halcyon.hal.kernel.attention.CacheAppend;
import dev.halcyon.hal.kernel.attention.CacheGather;
import dev.halcyon.hal.memory.CacheFormat;
import dev.halcyon.hal.memory.CachePool;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

import java.util.Arrays;

/// Writing cache rows and reading them back.
class CacheKernelsTest {
    /// What no type rounds.
    private static final double UNTOUCHED = 8;

    private RowBench bench;

    @BeforeEach
    void open() {
        bench = RowBench.open(2);
    }

    @AfterEach
    void close() {
        bench.close();
    }

    private CachePool pool(DType dtype, int latentDim, int ropeDim, int rowsPerPage, int pages) {
        CacheFormat format = CacheFormat.rowMajor(dtype, latentDim, ropeDim, rowsPerPage);
        CachePool pool = new CachePool(bench.empty(DType.U8, pages, format.bytesPerPage()), format);
        bench.set(pool.rows(), number -> UNTOUCHED);
        return pool;
    }

    /// The row of a slot, found by page and row as the contract says.
    private double[] row(CachePool pool, int slot) {
        int perPage = pool.format().rowsPerPage();
        return bench.read(pool.rows().get(slot / perPage).get(slot % perPage));
    }

    private double[] joined(Tensor latent, Tensor ropeKey, int token, DType dtype) {
        double[] a = bench.read(latent.get(token));
        double[] b = bench.read(ropeKey.get(token));
        double[] both = Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, both, a.length, b.length);
        return bench.read(bench.of(dtype, both, both.length));
    }

    private static double[] untouched(int n) {
        double[] row = new double[n];
        Arrays.fill(row, UNTOUCHED);
        return row;
    }

    @ParameterizedTest
    @CsvSource({
        "F32, F32",
        "F32, BF16",
        "BF16, BF16",
        "BF16, F32",
        "F16, BF16",
        "F32, F8_E4M3",
        "BF16, F8_E5M2"
    })
    void appendsRowsOfAnyType(DType in, DType cache) {
        CachePool pool = pool(cache, 150, 7, 3, 4);
        Tensor latent = bench.normalStrided(in, 5, 150);
        Tensor ropeKey = bench.normalStrided(in, 5, 7);
        Tensor slots = bench.ints(11, -1, 0, 4, 3);
        bench.run(
                CacheAppend.of(9, pool.format(), in),
                CacheAppend.Args.of(latent, ropeKey, slots, pool));
        int[] tokens = {2, -1, -1, 4, 3, -1, -1, -1, -1, -1, -1, 0};
        for (int slot = 0; slot < 12; slot++) {
            double[] expected =
                    tokens[slot] < 0
                            ? untouched(157)
                            : joined(latent, ropeKey, tokens[slot], cache);
            assertArrayEquals(expected, row(pool, slot), "slot " + slot);
        }
    }

    @Test
    void keepsTheLaterOfTwoTokensWhole() {
        CachePool pool = pool(DType.BF16, 512, 64, 64, 2);
        int tokens = 300;
        Tensor latent = bench.normal(DType.F32, tokens, 512);
        Tensor ropeKey = bench.normal(DType.F32, tokens, 64);
        int[] slots = new int[tokens];
        Arrays.fill(slots, 77);
        bench.run(
                CacheAppend.of(tokens, pool.format(), DType.F32),
                CacheAppend.Args.of(latent, ropeKey, bench.ints(slots), pool));
        assertArrayEquals(joined(latent, ropeKey, tokens - 1, DType.BF16), row(pool, 77));
    }

    @Test
    void appendsLiveTokensAlone() {
        CachePool pool = pool(DType.F32, 5, 2, 4, 1);
        Tensor latent = bench.normal(DType.F32, 3, 5);
        Tensor ropeKey = bench.normal(DType.F32, 3, 2);
        Tensor slots = bench.ints(0, 99, -77);
        CacheAppend spec = CacheAppend.of(3, pool.format(), DType.F32);
        CacheAppend.Args args = CacheAppend.Args.of(latent, ropeKey, slots, pool);
        bench.run(spec, args.withActiveRows(bench.ints(1)));
        assertArrayEquals(joined(latent, ropeKey, 0, DType.F32), row(pool, 0));
        bench.run(spec, args.withActiveRows(bench.ints(-1)));
        bench.runFaulty(spec, args, "slots[1] is 99");
        assertArrayEquals(untouched(7), row(pool, 1));
    }

    @Test
    void takesRowsWithoutRopePartAndNoRows() {
        CachePool pool = pool(DType.F32, 5, 0, 4, 1);
        CacheAppend append = CacheAppend.of(3, pool.format(), DType.F32);
        Tensor latent = bench.normal(DType.F32, 1, 5);
        bench.run(
                append,
                CacheAppend.Args.of(latent, bench.empty(DType.F32, 1, 0), bench.ints(2), pool));
        assertArrayEquals(bench.read(latent), row(pool, 2));
        Tensor read = bench.empty(DType.F32, 1, 5);
        CacheGather gather = CacheGather.of(3, pool.format(), DType.F32);
        bench.run(
                gather,
                CacheGather.Args.of(pool, bench.ints(2), read, bench.empty(DType.F32, 1, 0)));
        assertArrayEquals(bench.read(latent), bench.read(read));
        Tensor twice = bench.empty(DType.F32, 2, 5);
        bench.run(
                gather,
                CacheGather.Args.of(pool, bench.ints(2, -1), twice, bench.empty(DType.F32, 2, 0)));
        assertArrayEquals(bench.read(latent), bench.read(twice.get(0)));
        Tensor none = bench.empty(DType.F32, 0, 5);
        Tensor noRope = bench.empty(DType.F32, 0, 0);
        bench.run(append, CacheAppend.Args.of(none, noRope, bench.ints(), pool));
        bench.run(gather, CacheGather.Args.of(pool, bench.ints(), none, noRope));
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16", "F16", "F8_E4M3", "F8_E5M2"})
    void gathersRowsOfAnyType(DType cache) {
        CachePool pool = pool(cache, 150, 7, 3, 4);
        bench.set(pool.rows(), number -> bench.random().nextGaussian());
        Tensor latent = bench.strided(DType.F32, 5, 150);
        Tensor ropeKey = bench.strided(DType.BF16, 5, 7);
        CacheGather spec = CacheGather.of(6, pool.format(), DType.F32);
        Tensor wideRope = bench.strided(DType.F32, 5, 7);
        bench.run(spec, CacheGather.Args.of(pool, bench.ints(11, -1, 0, 4, 4), latent, wideRope));
        bench.assertGapsAreNaN(latent, 150);
        int[] slots = {11, -1, 0, 4, 4};
        for (int row = 0; row < 5; row++) {
            double[] expected = slots[row] < 0 ? new double[157] : row(pool, slots[row]);
            assertArrayEquals(expected, joined(latent, wideRope, row, DType.F32), "row " + row);
        }
        Tensor narrow = bench.strided(DType.BF16, 5, 150);
        bench.run(
                CacheGather.of(6, pool.format(), DType.BF16),
                CacheGather.Args.of(pool, bench.ints(11, -1, 0, 4, 4), narrow, ropeKey));
        assertArrayEquals(
                bench.read(bench.of(DType.BF16, bench.read(latent.get(0)), 150)),
                bench.read(narrow.get(0)));
    }

    @Test
    void gathersZerosForBadSlots() {
        CachePool pool = pool(DType.BF16, 5, 2, 4, 2);
        Tensor latent = bench.empty(DType.F32, 3, 5);
        Tensor ropeKey = bench.empty(DType.F32, 3, 2);
        CacheGather spec = CacheGather.of(3, pool.format(), DType.F32);
        CacheGather.Args args = CacheGather.Args.of(pool, bench.ints(8, 7, -2), latent, ropeKey);
        bench.runFaulty(spec, args, "slots[0] is 8");
        assertArrayEquals(new double[7], joined(latent, ropeKey, 0, DType.F32));
        assertArrayEquals(untouched(7), joined(latent, ropeKey, 1, DType.F32));
        assertArrayEquals(new double[7], joined(latent, ropeKey, 2, DType.F32));
        bench.set(latent, number -> Double.NaN);
        bench.run(
                spec,
                CacheGather.Args.of(pool, bench.ints(1, 8, -2), latent, ropeKey)
                        .withActiveRows(bench.ints(1)));
        assertEquals(UNTOUCHED, bench.read(latent)[0]);
    }

    @Test
    void declinesLayoutsItCannotRead() {
        CacheFormat planar = new CacheFormat("planar", DType.BF16, 5, 2, 4, 56);
        CacheFormat wide = CacheFormat.rowMajor(DType.F64, 5, 2, 4);
        for (CacheFormat format : new CacheFormat[] {planar, wide}) {
            assertFalse(
                    bench.device().supports(CacheAppend.of(1, format, DType.F32)).isNative(),
                    format.toString());
            assertFalse(
                    bench.device().supports(CacheGather.of(1, format, DType.F32)).isNative(),
                    format.toString());
        }
        CacheFormat format = CacheFormat.rowMajor(DType.F32, 5, 2, 4);
        assertFalse(bench.device().supports(CacheAppend.of(1, format, DType.F64)).isNative());
        assertFalse(bench.device().supports(CacheGather.of(1, format, DType.F64)).isNative());
    }
}
