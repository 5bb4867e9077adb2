package dev.halcyon.backend.cpu.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.halcyon.hal.kernel.moe.MoeDispatch;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.tck.oracle.Dispatch;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.util.Arrays;

/// The sort of tokens by expert against the oracle.
class MoeDispatchKernelTest {
    private RowBench bench;

    @BeforeEach
    void open() {
        bench = RowBench.open(2);
    }

    @AfterEach
    void close() {
        bench.close();
    }

    private record Result(
            Tensor segmentStart,
            Tensor segmentCount,
            Tensor rowToken,
            Tensor rowSlot,
            Tensor tokenRow) {}

    private static Result results(RowBench bench, MoeDispatch spec, int tokens, int rows) {
        Result result =
                new Result(
                        bench.empty(DType.I32, spec.localExperts()),
                        bench.empty(DType.I32, spec.localExperts()),
                        bench.empty(DType.I32, rows),
                        bench.empty(DType.I32, rows),
                        bench.empty(DType.I32, tokens, spec.topK()));
        // A kernel that leaves an entry alone must be noticed.
        for (Tensor tensor : new Tensor[] {result.rowToken, result.rowSlot, result.tokenRow}) {
            bench.set(tensor, number -> 123456);
        }
        return result;
    }

    private static MoeDispatch.Args args(Tensor indices, Result result) {
        return MoeDispatch.Args.of(
                indices,
                result.segmentStart,
                result.segmentCount,
                result.rowToken,
                result.rowSlot,
                result.tokenRow);
    }

    private void assertMatches(MoeDispatch spec, int[] indices, Result result) {
        Dispatch expected =
                Dispatch.of(
                        indices,
                        spec.topK(),
                        spec.firstExpert(),
                        spec.localExperts(),
                        spec.alignment());
        assertArrayEquals(expected.segmentStart(), bench.readInts(result.segmentStart));
        assertArrayEquals(expected.counts(), bench.readInts(result.segmentCount));
        int rows = (int) result.rowToken.dim(0);
        assertArrayEquals(padded(expected.posToToken(), rows), bench.readInts(result.rowToken));
        assertArrayEquals(padded(expected.posToTokenTopk(), rows), bench.readInts(result.rowSlot));
        assertArrayEquals(expected.tokenTopkToPos(), bench.readInts(result.tokenRow));
    }

    private static int[] padded(int[] values, int length) {
        int[] all = Arrays.copyOf(values, length);
        Arrays.fill(all, values.length, length, -1);
        return all;
    }

    private int[] randomIndices(int tokens, int topK, int experts) {
        return bench.random().ints((long) tokens * topK, -1, experts).toArray();
    }

    @ParameterizedTest
    @CsvSource({
        "1,1,0,1,1",
        "1,6,0,64,1",
        "7,2,0,5,4",
        "50,3,4,3,16",
        "1023,2,0,8,1",
        "1024,2,1,7,8",
        "1025,2,0,8,128",
        "5000,4,0,16,3"
    })
    void matchesTheOracle(int tokens, int topK, int first, int local, int alignment) {
        MoeDispatch spec = new MoeDispatch(tokens + 5, topK, first, local, alignment);
        int[] indices = randomIndices(tokens, topK, first + local + 2);
        for (int rows : new int[] {spec.maxRows(tokens), spec.maxRows()}) {
            Result result = results(bench, spec, tokens, rows);
            bench.run(spec, args(bench.intMatrix(indices, tokens, topK), result));
            assertMatches(spec, indices, result);
        }
    }

    @Test
    void oneExpertMayGetEverything() {
        MoeDispatch spec = MoeDispatch.of(9, 2, 4).withAlignment(4);
        int[] indices = new int[18];
        Arrays.fill(indices, 3);
        Result result = results(bench, spec, 9, spec.maxRows());
        bench.run(spec, args(bench.intMatrix(indices, 9, 2), result));
        assertMatches(spec, indices, result);
    }

    @Test
    void noTokensGiveEmptySegments() {
        MoeDispatch spec = MoeDispatch.of(9, 2, 4);
        Result result = results(bench, spec, 0, 6);
        bench.run(spec, args(bench.intMatrix(new int[0], 0, 2), result));
        assertMatches(spec, new int[0], result);
    }

    @Test
    void deadTokensGetNoRow() {
        MoeDispatch spec = MoeDispatch.of(9, 2, 4);
        int[] indices = randomIndices(9, 2, 4);
        Arrays.fill(indices, 10, 18, Integer.MIN_VALUE);
        Result result = results(bench, spec, 9, spec.maxRows());
        bench.run(spec, args(bench.intMatrix(indices, 9, 2), result).withActiveRows(bench.ints(5)));
        Arrays.fill(indices, 10, 18, -1);
        assertMatches(spec, indices, result);
    }

    @Test
    void anIndexBelowMinusOneGetsNoRowAndFaults() {
        MoeDispatch spec = MoeDispatch.of(2, 2, 4);
        Result result = results(bench, spec, 2, spec.maxRows());
        bench.runFaulty(
                spec,
                args(bench.intMatrix(new int[] {1, -2, 3, 0}, 2, 2), result),
                "indices[1] is -2");
        assertMatches(spec, new int[] {1, -1, 3, 0}, result);
    }

    @Test
    void extremeIndicesAreSomebodyElses() {
        MoeDispatch spec = new MoeDispatch(1, 2, Integer.MAX_VALUE - 5, 3, 1);
        Result result = results(bench, spec, 1, spec.maxRows());
        bench.run(
                spec,
                args(
                        bench.intMatrix(new int[] {Integer.MAX_VALUE, Integer.MAX_VALUE - 4}, 1, 2),
                        result));
        assertArrayEquals(new int[] {-1, 0}, bench.readInts(result.tokenRow));
        assertEquals(1, bench.readInts(result.segmentCount)[1]);
    }

    @Test
    void anyNumberOfThreadsGivesTheSameRows() {
        RowBench.sameBitsForAnyThreads(
                some -> {
                    MoeDispatch spec = MoeDispatch.of(4000, 6, 32).withAlignment(8);
                    int[] indices = some.random().ints(24000, 0, 32).toArray();
                    Result result = results(some, spec, 4000, spec.maxRows());
                    some.run(spec, args(some.intMatrix(indices, 4000, 6), result));
                    return result.rowSlot;
                });
    }
}
