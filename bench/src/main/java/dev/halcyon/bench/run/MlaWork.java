package dev.halcyon.bench.run;

import dev.halcyon.bench.data.Errors;
import dev.halcyon.bench.data.RandomBits;
import dev.halcyon.bench.data.TensorRows;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.kernel.attention.MlaDecode;
import dev.halcyon.hal.kernel.attention.RotaryFrequencies;
import dev.halcyon.hal.memory.CacheFormat;
import dev.halcyon.hal.memory.CachePool;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.tck.oracle.Attention;
import dev.halcyon.tck.oracle.Rows;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/// One decode step of DeepSeek-V3's attention in the absorbed form: one token, 128 heads, a BF16
/// cache of 576 values a row in shuffled pages.
///
/// @param lengths cached tokens of each case
/// @param heads query heads
public record MlaWork(List<Integer> lengths, int heads) implements Work {
    private static final int LATENT = 512;
    private static final int ROPE = 64;
    private static final int NOPE = 128;
    private static final int CHECKED_HEADS = 3;
    private static final double SECONDS = 2;

    @Override
    public String name() {
        return "MLA decode";
    }

    @Override
    public List<Row> run(Device device, Progress progress) {
        List<Row> rows = new ArrayList<>();
        for (int length : lengths) {
            progress.doing("MLA decode, " + length + " cached tokens");
            rows.add(one(device, length));
        }
        return rows;
    }

    private Row one(Device device, int length) {
        CacheFormat format = format(device);
        int pages = Math.toIntExact(format.pagesFor(length));
        double scale =
                RotaryFrequencies.yarn(ROPE, 1e4, 40, 4096, 32, 1).softmaxFactor()
                        / Math.sqrt(NOPE + ROPE);
        MlaDecode spec =
                MlaDecode.of(1, heads, scale, format, pages, DType.BF16)
                        .withTypes(DType.BF16, DType.F32, DType.F32);
        Plan<MlaDecode.Args> plan = device.plan(spec);
        try (DeviceArena arena = device.arena("MLA decode");
                Stream stream = device.stream("MLA decode")) {
            CachePool cache = CachePool.allocate(arena, format, pages);
            RandomBits.fill(stream, cache.rows(), length, -1);
            Tensor query = arena.tensor(DType.BF16, 1, heads, LATENT + ROPE);
            RandomBits.fill(stream, query, 7, -2);
            List<Integer> order = new ArrayList<>(IntStream.range(0, pages).boxed().toList());
            Collections.shuffle(order, new Random(length));
            int[] table = order.stream().mapToInt(Integer::intValue).toArray();
            Tensor blockTable = arena.tensor(DType.I32, 1, pages);
            stream.write(blockTable, table);
            Tensor lengthTensor = arena.tensor(DType.I32, 1);
            stream.write(lengthTensor, length);
            Tensor out = arena.tensor(DType.F32, 1, heads, LATENT);
            Launch launch =
                    plan.bind(
                            arena,
                            MlaDecode.Args.of(query, cache, blockTable, lengthTensor, out),
                            device.workspace(arena, plan));
            double seconds =
                    Timing.median(
                            SECONDS,
                            () -> {
                                stream.submit(launch);
                                stream.synchronize();
                            });
            Rows cached =
                    new PagedRows(
                            TensorRows.of(
                                    stream,
                                    cache.rows()
                                            .reshape(
                                                    (long) pages * format.rowsPerPage(),
                                                    format.rowDim())),
                            table,
                            format.rowsPerPage(),
                            length);
            return new Row(
                    "MLA decode " + heads + " heads, " + length + " tokens",
                    plan.support().implementation().toString(),
                    seconds,
                    launch.cost().flops(),
                    (double) length * format.rowDim() * 2,
                    error(
                            cached,
                            TensorRows.of(stream, query.reshape(1, (long) heads * (LATENT + ROPE))),
                            stream.readFloats(out),
                            scale),
                    Errors.F32_TOLERANCE,
                    CHECKED_HEADS + " heads against the oracle");
        }
    }

    /// The device's own format where its pages hold plain rows, else the canonical one: random bits
    /// are written to rows.
    private static CacheFormat format(Device device) {
        CacheFormat own = device.cacheFormat(DType.BF16, LATENT, ROPE);
        return own.isRowMajor()
                ? own
                : CacheFormat.rowMajor(DType.BF16, LATENT, ROPE, CacheFormat.DEFAULT_ROWS_PER_PAGE);
    }

    private double error(Rows cached, TensorRows query, float[] out, double scale) {
        double[] queries = query.row(0);
        Errors errors = new Errors();
        for (int i = 0; i < CHECKED_HEADS; i++) {
            int head = i * (heads - 1) / (CHECKED_HEADS - 1);
            double[] wanted =
                    new dev.halcyon.tck.oracle.MlaDecode(heads, LATENT, scale)
                            .head(queries, 0, head, cached, cached.rows(), Attention.NO_SINK)
                            .output();
            double[] found = new double[LATENT];
            for (int c = 0; c < LATENT; c++) {
                found[c] = out[head * LATENT + c];
            }
            errors.compare(wanted, 0, found, 0, LATENT);
        }
        return errors.relative();
    }

    /// The rows of one sequence through its block table.
    @SuppressWarnings("ArrayRecordComponent")
    private record PagedRows(TensorRows pool, int[] table, int rowsPerPage, int rows)
            implements Rows {
        @Override
        public int columns() {
            return pool.columns();
        }

        @Override
        public void read(int row, double[] into) {
            pool.read(table[row / rowsPerPage] * rowsPerPage + row % rowsPerPage, into);
        }
    }
}
