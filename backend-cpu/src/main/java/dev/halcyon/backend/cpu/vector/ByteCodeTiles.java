package dev.halcyon.backend.cpu.vector;

import static dev.halcyon.backend.cpu.memory.NativeMemory.ADDRESS_BITS;
import static dev.halcyon.backend.cpu.memory.NativeMemory.ALL;
import static dev.halcyon.backend.cpu.vector.Lanes.BYTES;
import static dev.halcyon.backend.cpu.vector.Lanes.COUNT;
import static dev.halcyon.backend.cpu.vector.Lanes.FLOATS;
import static dev.halcyon.backend.cpu.vector.Lanes.ORDER;

import dev.halcyon.backend.cpu.loops.MatrixLoops;
import dev.halcyon.hal.host.FloatFormats;
import dev.halcyon.hal.memory.DType;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/// Tiles of one left-hand row and four rows of 8-bit floats, or of 2 or 4 and one, decoded in
/// registers.
///
/// Every magnitude of an 8-bit float is a BF16 number, so two look-ups of bytes decode a vector of
/// codes, and a third and fourth put the bytes of pairs together. Codes multiplied as if they were
/// F32 numbers would need no table, but a subnormal operand costs this kind of processor hundreds
/// of cycles, and of random codes every second vector has one.
///
/// A look-up is one instruction where the processor permutes bytes between two vectors
/// ([#AVAILABLE]); elsewhere [WordDecoders] serves.
///
/// The tiles are written out for the reason that [DotTiles] gives.
final class ByteCodeTiles {
    /// Whether a look-up is an instruction here.
    static final boolean AVAILABLE = COUNT == 16 && ProcessorFlags.has("avx512vbmi");

    private static final int CODES = 4 * COUNT;
    private static final long VECTOR_BYTES = (long) COUNT * Float.BYTES;
    private static final int UPPER = 0xffff0000;

    /// From the sums of a left-hand row to those of the next.
    private static final int SUMS_PITCH = MatrixLoops.WEIGHT_ROWS * COUNT;

    /// Of every word of codes the first two values as BF16, and the last two.
    private static final ByteVector FRONT = pairs(0);

    private static final ByteVector BACK = pairs(2);

    private static final Table E4M3 = Table.of(DType.F8_E4M3);
    private static final Table E5M2 = Table.of(DType.F8_E5M2);

    private ByteCodeTiles() {}

    private static ByteVector pairs(int first) {
        byte[] index = new byte[CODES];
        for (int word = 0; word < COUNT; word++) {
            for (int i = 0; i < 4; i++) {
                int code = 4 * word + first + i / 2;
                index[4 * word + i] = (byte) (i % 2 == 0 ? code : code + CODES);
            }
        }
        return ByteVector.fromArray(BYTES, index, 0);
    }

    /// The bytes of the magnitudes as BF16: lower bytes of codes 0 onwards, of the upper half of
    /// the codes, and the upper bytes of both.
    private record Table(ByteVector low0, ByteVector low1, ByteVector high0, ByteVector high1) {
        static Table of(DType type) {
            byte[] low = new byte[2 * CODES];
            byte[] high = new byte[2 * CODES];
            for (int code = 0; code < 2 * CODES; code++) {
                byte magnitude = (byte) (code & 0x7f);
                float value =
                        type == DType.F8_E4M3
                                ? FloatFormats.e4m3ToFloat(magnitude)
                                : FloatFormats.e5m2ToFloat(magnitude);
                int bits = Float.floatToRawIntBits(value) >>> 16;
                low[code] = (byte) bits;
                high[code] = (byte) (bits >>> 8);
            }
            return new Table(
                    ByteVector.fromArray(BYTES, low, 0),
                    ByteVector.fromArray(BYTES, low, CODES),
                    ByteVector.fromArray(BYTES, high, 0),
                    ByteVector.fromArray(BYTES, high, CODES));
        }
    }

    static void tile(
            DType type,
            int rows,
            long left,
            long leftPitch,
            long codes0,
            long codes1,
            long codes2,
            long codes3,
            int k,
            int blockColumns,
            float[] scales,
            int scalesPitch,
            float[] sums,
            int sumsAt) {
        Table table = type == DType.F8_E4M3 ? E4M3 : E5M2;
        int blocks = k / blockColumns;
        int done = blocks * blockColumns;
        int steps = blockColumns / CODES;
        int restSteps = (k - done) / CODES;
        if (rows == 1) {
            one(
                    table,
                    left,
                    codes0,
                    codes1,
                    codes2,
                    codes3,
                    blocks,
                    steps,
                    scales,
                    0,
                    scalesPitch,
                    sums,
                    sumsAt);
            if (restSteps > 0) {
                one(
                        table,
                        left + done * 4L,
                        codes0 + done,
                        codes1 + done,
                        codes2 + done,
                        codes3 + done,
                        1,
                        restSteps,
                        scales,
                        blocks,
                        scalesPitch,
                        sums,
                        sumsAt);
            }
            return;
        }
        for (int j = 0; j < MatrixLoops.WEIGHT_ROWS; j++) {
            long codes = j == 0 ? codes0 : j == 1 ? codes1 : j == 2 ? codes2 : codes3;
            int scalesAt = j * scalesPitch;
            int at = sumsAt + j * COUNT;
            some(table, rows, left, leftPitch, codes, blocks, steps, scales, scalesAt, sums, at);
            if (restSteps > 0) {
                long x = left + done * 4L;
                int last = scalesAt + blocks;
                some(table, rows, x, leftPitch, codes + done, 1, restSteps, scales, last, sums, at);
            }
        }
    }

    private static void one(
            Table t,
            long x,
            long codes0,
            long codes1,
            long codes2,
            long codes3,
            int blocks,
            int blockSteps,
            float[] scales,
            int scalesAt,
            int scalesPitch,
            float[] sums,
            int sumsAt) {
        rows1(
                t.low0,
                t.low1,
                t.high0,
                t.high1,
                x,
                codes0,
                codes1,
                codes2,
                codes3,
                blocks,
                blockSteps,
                scales,
                scalesAt,
                scalesPitch,
                sums,
                sumsAt);
    }

    private static void some(
            Table t,
            int rows,
            long x,
            long pitch,
            long codes,
            int blocks,
            int steps,
            float[] scales,
            int scalesAt,
            float[] sums,
            int sumsAt) {
        ByteVector l0 = t.low0;
        ByteVector l1 = t.low1;
        ByteVector h0 = t.high0;
        ByteVector h1 = t.high1;
        switch (rows) {
            case 2 ->
                    rows2(
                            l0, l1, h0, h1, x, pitch, codes, blocks, steps, scales, scalesAt, sums,
                            sumsAt);
            case 4 ->
                    rows4(
                            l0, l1, h0, h1, x, pitch, codes, blocks, steps, scales, scalesAt, sums,
                            sumsAt);
            default -> throw new IllegalArgumentException("no tile of codes of " + rows + " rows");
        }
    }

    /// Four rows of codes, which are four streams for the processor's prefetcher: one alone is read
    /// at half the pace.
    private static void rows1(
            ByteVector low0,
            ByteVector low1,
            ByteVector high0,
            ByteVector high1,
            long leftAddress,
            long codesAddress0,
            long codesAddress1,
            long codesAddress2,
            long codesAddress3,
            int blocks,
            int blockSteps,
            float[] scales,
            int scalesAt,
            int scalesPitch,
            float[] sums,
            int sumsAt) {
        long x = leftAddress & ADDRESS_BITS;
        long codes0 = codesAddress0 & ADDRESS_BITS;
        long codes1 = codesAddress1 & ADDRESS_BITS;
        long codes2 = codesAddress2 & ADDRESS_BITS;
        long codes3 = codesAddress3 & ADDRESS_BITS;
        FloatVector s0 = FloatVector.fromArray(FLOATS, sums, sumsAt);
        FloatVector s1 = FloatVector.fromArray(FLOATS, sums, sumsAt + COUNT);
        FloatVector s2 = FloatVector.fromArray(FLOATS, sums, sumsAt + 2 * COUNT);
        FloatVector s3 = FloatVector.fromArray(FLOATS, sums, sumsAt + 3 * COUNT);
        for (int b = 0; b < blocks; b++) {
            FloatVector p0 = Lanes.zero();
            FloatVector p1 = Lanes.zero();
            FloatVector p2 = Lanes.zero();
            FloatVector p3 = Lanes.zero();
            for (int step = 0; step < blockSteps; step++) {
                FloatVector x0 = FloatVector.fromMemorySegment(FLOATS, ALL, x, ORDER);
                FloatVector x1 =
                        FloatVector.fromMemorySegment(FLOATS, ALL, x + VECTOR_BYTES, ORDER);
                FloatVector x2 =
                        FloatVector.fromMemorySegment(FLOATS, ALL, x + 2 * VECTOR_BYTES, ORDER);
                FloatVector x3 =
                        FloatVector.fromMemorySegment(FLOATS, ALL, x + 3 * VECTOR_BYTES, ORDER);
                ByteVector code0 = ByteVector.fromMemorySegment(BYTES, ALL, codes0, ORDER);
                ByteVector magnitude0 = code0.and((byte) 0x7f);
                ByteVector upper0 = magnitude0.selectFrom(high0, high1).or(code0.and((byte) 0x80));
                ByteVector lower0 = magnitude0.selectFrom(low0, low1);
                IntVector front0 = FRONT.selectFrom(lower0, upper0).reinterpretAsInts();
                IntVector back0 = BACK.selectFrom(lower0, upper0).reinterpretAsInts();
                p0 = x0.fma(front0.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats(), p0);
                p0 = x1.fma(front0.and(UPPER).reinterpretAsFloats(), p0);
                p0 = x2.fma(back0.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats(), p0);
                p0 = x3.fma(back0.and(UPPER).reinterpretAsFloats(), p0);
                codes0 = codes0 + CODES & ADDRESS_BITS;
                ByteVector code1 = ByteVector.fromMemorySegment(BYTES, ALL, codes1, ORDER);
                ByteVector magnitude1 = code1.and((byte) 0x7f);
                ByteVector upper1 = magnitude1.selectFrom(high0, high1).or(code1.and((byte) 0x80));
                ByteVector lower1 = magnitude1.selectFrom(low0, low1);
                IntVector front1 = FRONT.selectFrom(lower1, upper1).reinterpretAsInts();
                IntVector back1 = BACK.selectFrom(lower1, upper1).reinterpretAsInts();
                p1 = x0.fma(front1.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats(), p1);
                p1 = x1.fma(front1.and(UPPER).reinterpretAsFloats(), p1);
                p1 = x2.fma(back1.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats(), p1);
                p1 = x3.fma(back1.and(UPPER).reinterpretAsFloats(), p1);
                codes1 = codes1 + CODES & ADDRESS_BITS;
                ByteVector code2 = ByteVector.fromMemorySegment(BYTES, ALL, codes2, ORDER);
                ByteVector magnitude2 = code2.and((byte) 0x7f);
                ByteVector upper2 = magnitude2.selectFrom(high0, high1).or(code2.and((byte) 0x80));
                ByteVector lower2 = magnitude2.selectFrom(low0, low1);
                IntVector front2 = FRONT.selectFrom(lower2, upper2).reinterpretAsInts();
                IntVector back2 = BACK.selectFrom(lower2, upper2).reinterpretAsInts();
                p2 = x0.fma(front2.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats(), p2);
                p2 = x1.fma(front2.and(UPPER).reinterpretAsFloats(), p2);
                p2 = x2.fma(back2.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats(), p2);
                p2 = x3.fma(back2.and(UPPER).reinterpretAsFloats(), p2);
                codes2 = codes2 + CODES & ADDRESS_BITS;
                ByteVector code3 = ByteVector.fromMemorySegment(BYTES, ALL, codes3, ORDER);
                ByteVector magnitude3 = code3.and((byte) 0x7f);
                ByteVector upper3 = magnitude3.selectFrom(high0, high1).or(code3.and((byte) 0x80));
                ByteVector lower3 = magnitude3.selectFrom(low0, low1);
                IntVector front3 = FRONT.selectFrom(lower3, upper3).reinterpretAsInts();
                IntVector back3 = BACK.selectFrom(lower3, upper3).reinterpretAsInts();
                p3 = x0.fma(front3.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats(), p3);
                p3 = x1.fma(front3.and(UPPER).reinterpretAsFloats(), p3);
                p3 = x2.fma(back3.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats(), p3);
                p3 = x3.fma(back3.and(UPPER).reinterpretAsFloats(), p3);
                codes3 = codes3 + CODES & ADDRESS_BITS;
                x = x + 4 * VECTOR_BYTES & ADDRESS_BITS;
            }
            int at = scalesAt + b;
            s0 = p0.fma(FloatVector.broadcast(FLOATS, scales[at]), s0);
            s1 = p1.fma(FloatVector.broadcast(FLOATS, scales[at + scalesPitch]), s1);
            s2 = p2.fma(FloatVector.broadcast(FLOATS, scales[at + 2 * scalesPitch]), s2);
            s3 = p3.fma(FloatVector.broadcast(FLOATS, scales[at + 3 * scalesPitch]), s3);
        }
        s0.intoArray(sums, sumsAt);
        s1.intoArray(sums, sumsAt + COUNT);
        s2.intoArray(sums, sumsAt + 2 * COUNT);
        s3.intoArray(sums, sumsAt + 3 * COUNT);
    }

    private static void rows2(
            ByteVector low0,
            ByteVector low1,
            ByteVector high0,
            ByteVector high1,
            long leftAddress,
            long leftPitch,
            long codesAddress,
            int blocks,
            int blockSteps,
            float[] scales,
            int scalesAt,
            float[] sums,
            int sumsAt) {
        long codes = codesAddress & ADDRESS_BITS;
        long x0 = leftAddress & ADDRESS_BITS;
        long x1 = x0 + leftPitch & ADDRESS_BITS;
        FloatVector s0 = FloatVector.fromArray(FLOATS, sums, sumsAt);
        FloatVector s1 = FloatVector.fromArray(FLOATS, sums, sumsAt + SUMS_PITCH);
        for (int b = 0; b < blocks; b++) {
            FloatVector p0 = Lanes.zero();
            FloatVector p1 = Lanes.zero();
            for (int step = 0; step < blockSteps; step++) {
                ByteVector code = ByteVector.fromMemorySegment(BYTES, ALL, codes, ORDER);
                ByteVector magnitude = code.and((byte) 0x7f);
                ByteVector upper = magnitude.selectFrom(high0, high1).or(code.and((byte) 0x80));
                ByteVector lower = magnitude.selectFrom(low0, low1);
                IntVector front = FRONT.selectFrom(lower, upper).reinterpretAsInts();
                IntVector back = BACK.selectFrom(lower, upper).reinterpretAsInts();
                FloatVector w0 = front.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
                FloatVector w1 = front.and(UPPER).reinterpretAsFloats();
                FloatVector w2 = back.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
                FloatVector w3 = back.and(UPPER).reinterpretAsFloats();
                p0 = FloatVector.fromMemorySegment(FLOATS, ALL, x0, ORDER).fma(w0, p0);
                p0 =
                        FloatVector.fromMemorySegment(FLOATS, ALL, x0 + VECTOR_BYTES, ORDER)
                                .fma(w1, p0);
                p0 =
                        FloatVector.fromMemorySegment(FLOATS, ALL, x0 + 2 * VECTOR_BYTES, ORDER)
                                .fma(w2, p0);
                p0 =
                        FloatVector.fromMemorySegment(FLOATS, ALL, x0 + 3 * VECTOR_BYTES, ORDER)
                                .fma(w3, p0);
                p1 = FloatVector.fromMemorySegment(FLOATS, ALL, x1, ORDER).fma(w0, p1);
                p1 =
                        FloatVector.fromMemorySegment(FLOATS, ALL, x1 + VECTOR_BYTES, ORDER)
                                .fma(w1, p1);
                p1 =
                        FloatVector.fromMemorySegment(FLOATS, ALL, x1 + 2 * VECTOR_BYTES, ORDER)
                                .fma(w2, p1);
                p1 =
                        FloatVector.fromMemorySegment(FLOATS, ALL, x1 + 3 * VECTOR_BYTES, ORDER)
                                .fma(w3, p1);
                codes = codes + CODES & ADDRESS_BITS;
                x0 = x0 + 4 * VECTOR_BYTES & ADDRESS_BITS;
                x1 = x1 + 4 * VECTOR_BYTES & ADDRESS_BITS;
            }
            FloatVector scale = FloatVector.broadcast(FLOATS, scales[scalesAt + b]);
            s0 = p0.fma(scale, s0);
            s1 = p1.fma(scale, s1);
        }
        s0.intoArray(sums, sumsAt);
        s1.intoArray(sums, sumsAt + SUMS_PITCH);
    }

    private static void rows4(
            ByteVector low0,
            ByteVector low1,
            ByteVector high0,
            ByteVector high1,
            long leftAddress,
            long leftPitch,
            long codesAddress,
            int blocks,
            int blockSteps,
            float[] scales,
            int scalesAt,
            float[] sums,
            int sumsAt) {
        long codes = codesAddress & ADDRESS_BITS;
        long x0 = leftAddress & ADDRESS_BITS;
        long x1 = x0 + leftPitch & ADDRESS_BITS;
        long x2 = x1 + leftPitch & ADDRESS_BITS;
        long x3 = x2 + leftPitch & ADDRESS_BITS;
        FloatVector s0 = FloatVector.fromArray(FLOATS, sums, sumsAt);
        FloatVector s1 = FloatVector.fromArray(FLOATS, sums, sumsAt + SUMS_PITCH);
        FloatVector s2 = FloatVector.fromArray(FLOATS, sums, sumsAt + 2 * SUMS_PITCH);
        FloatVector s3 = FloatVector.fromArray(FLOATS, sums, sumsAt + 3 * SUMS_PITCH);
        for (int b = 0; b < blocks; b++) {
            FloatVector p0 = Lanes.zero();
            FloatVector p1 = Lanes.zero();
            FloatVector p2 = Lanes.zero();
            FloatVector p3 = Lanes.zero();
            for (int step = 0; step < blockSteps; step++) {
                ByteVector code = ByteVector.fromMemorySegment(BYTES, ALL, codes, ORDER);
                ByteVector magnitude = code.and((byte) 0x7f);
                ByteVector upper = magnitude.selectFrom(high0, high1).or(code.and((byte) 0x80));
                ByteVector lower = magnitude.selectFrom(low0, low1);
                IntVector front = FRONT.selectFrom(lower, upper).reinterpretAsInts();
                IntVector back = BACK.selectFrom(lower, upper).reinterpretAsInts();
                FloatVector w0 = front.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
                FloatVector w1 = front.and(UPPER).reinterpretAsFloats();
                FloatVector w2 = back.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
                FloatVector w3 = back.and(UPPER).reinterpretAsFloats();
                p0 = FloatVector.fromMemorySegment(FLOATS, ALL, x0, ORDER).fma(w0, p0);
                p0 =
                        FloatVector.fromMemorySegment(FLOATS, ALL, x0 + VECTOR_BYTES, ORDER)
                                .fma(w1, p0);
                p0 =
                        FloatVector.fromMemorySegment(FLOATS, ALL, x0 + 2 * VECTOR_BYTES, ORDER)
                                .fma(w2, p0);
                p0 =
                        FloatVector.fromMemorySegment(FLOATS, ALL, x0 + 3 * VECTOR_BYTES, ORDER)
                                .fma(w3, p0);
                p1 = FloatVector.fromMemorySegment(FLOATS, ALL, x1, ORDER).fma(w0, p1);
                p1 =
                        FloatVector.fromMemorySegment(FLOATS, ALL, x1 + VECTOR_BYTES, ORDER)
                                .fma(w1, p1);
                p1 =
                        FloatVector.fromMemorySegment(FLOATS, ALL, x1 + 2 * VECTOR_BYTES, ORDER)
                                .fma(w2, p1);
                p1 =
                        FloatVector.fromMemorySegment(FLOATS, ALL, x1 + 3 * VECTOR_BYTES, ORDER)
                                .fma(w3, p1);
                p2 = FloatVector.fromMemorySegment(FLOATS, ALL, x2, ORDER).fma(w0, p2);
                p2 =
                        FloatVector.fromMemorySegment(FLOATS, ALL, x2 + VECTOR_BYTES, ORDER)
                                .fma(w1, p2);
                p2 =
                        FloatVector.fromMemorySegment(FLOATS, ALL, x2 + 2 * VECTOR_BYTES, ORDER)
                                .fma(w2, p2);
                p2 =
                        FloatVector.fromMemorySegment(FLOATS, ALL, x2 + 3 * VECTOR_BYTES, ORDER)
                                .fma(w3, p2);
                p3 = FloatVector.fromMemorySegment(FLOATS, ALL, x3, ORDER).fma(w0, p3);
                p3 =
                        FloatVector.fromMemorySegment(FLOATS, ALL, x3 + VECTOR_BYTES, ORDER)
                                .fma(w1, p3);
                p3 =
                        FloatVector.fromMemorySegment(FLOATS, ALL, x3 + 2 * VECTOR_BYTES, ORDER)
                                .fma(w2, p3);
                p3 =
                        FloatVector.fromMemorySegment(FLOATS, ALL, x3 + 3 * VECTOR_BYTES, ORDER)
                                .fma(w3, p3);
                codes = codes + CODES & ADDRESS_BITS;
                x0 = x0 + 4 * VECTOR_BYTES & ADDRESS_BITS;
                x1 = x1 + 4 * VECTOR_BYTES & ADDRESS_BITS;
                x2 = x2 + 4 * VECTOR_BYTES & ADDRESS_BITS;
                x3 = x3 + 4 * VECTOR_BYTES & ADDRESS_BITS;
            }
            FloatVector scale = FloatVector.broadcast(FLOATS, scales[scalesAt + b]);
            s0 = p0.fma(scale, s0);
            s1 = p1.fma(scale, s1);
            s2 = p2.fma(scale, s2);
            s3 = p3.fma(scale, s3);
        }
        s0.intoArray(sums, sumsAt);
        s1.intoArray(sums, sumsAt + SUMS_PITCH);
        s2.intoArray(sums, sumsAt + 2 * SUMS_PITCH);
        s3.intoArray(sums, sumsAt + 3 * SUMS_PITCH);
    }
}
