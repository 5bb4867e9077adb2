package dev.halcyon.backend.cpu.vector;

import static dev.halcyon.backend.cpu.memory.NativeMemory.ADDRESS_BITS;
import static dev.halcyon.backend.cpu.memory.NativeMemory.ALL;
import static dev.halcyon.backend.cpu.vector.Lanes.BYTES;
import static dev.halcyon.backend.cpu.vector.Lanes.COUNT;
import static dev.halcyon.backend.cpu.vector.Lanes.FLOATS;
import static dev.halcyon.backend.cpu.vector.Lanes.ORDER;

import dev.halcyon.backend.cpu.memory.NativeMemory;
import dev.halcyon.hal.host.FloatFormats;
import dev.halcyon.hal.memory.DType;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

import java.lang.foreign.MemorySegment;

/// Tiles of 1, 2 or 4 left-hand rows and one row of 8-bit floats, decoded in registers.
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
            MemorySegment left,
            long leftAt,
            long leftPitch,
            MemorySegment codes,
            long codesAt,
            int k,
            int blockColumns,
            float[] scales,
            int scalesAt,
            float[] sums,
            int sumsAt,
            int sumsPitch) {
        if (k == 0) {
            return;
        }
        Table table = type == DType.F8_E4M3 ? E4M3 : E5M2;
        long x = NativeMemory.address(left, leftAt, (rows - 1) * leftPitch + k * 4L);
        long c = NativeMemory.address(codes, codesAt, k);
        int blocks = k / blockColumns;
        int rest = k % blockColumns;
        run(
                table,
                rows,
                x,
                leftPitch,
                c,
                blocks,
                blockColumns,
                scales,
                scalesAt,
                sums,
                sumsAt,
                sumsPitch);
        if (rest > 0) {
            long done = (long) blocks * blockColumns;
            run(
                    table,
                    rows,
                    x + done * 4,
                    leftPitch,
                    c + done,
                    1,
                    rest,
                    scales,
                    scalesAt + blocks,
                    sums,
                    sumsAt,
                    sumsPitch);
        }
    }

    private static void run(
            Table t,
            int rows,
            long x,
            long pitch,
            long codes,
            int blocks,
            int columns,
            float[] scales,
            int scalesAt,
            float[] sums,
            int sumsAt,
            int sumsPitch) {
        int steps = columns / CODES;
        ByteVector l0 = t.low0;
        ByteVector l1 = t.low1;
        ByteVector h0 = t.high0;
        ByteVector h1 = t.high1;
        switch (rows) {
            case 1 ->
                    rows1(
                            l0, l1, h0, h1, x, pitch, codes, blocks, steps, scales, scalesAt, sums,
                            sumsAt, sumsPitch);
            case 2 ->
                    rows2(
                            l0, l1, h0, h1, x, pitch, codes, blocks, steps, scales, scalesAt, sums,
                            sumsAt, sumsPitch);
            case 4 ->
                    rows4(
                            l0, l1, h0, h1, x, pitch, codes, blocks, steps, scales, scalesAt, sums,
                            sumsAt, sumsPitch);
            default -> throw new IllegalArgumentException("no tile of codes of " + rows + " rows");
        }
    }

    private static void rows1(
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
            int sumsAt,
            int sumsPitch) {
        long codes = codesAddress & ADDRESS_BITS;
        long x0 = leftAddress & ADDRESS_BITS;
        FloatVector s0 = FloatVector.fromArray(FLOATS, sums, sumsAt);
        for (int b = 0; b < blocks; b++) {
            FloatVector p0 = Lanes.zero();
            FloatVector q0 = p0;
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
                q0 =
                        FloatVector.fromMemorySegment(FLOATS, ALL, x0 + 2 * VECTOR_BYTES, ORDER)
                                .fma(w2, q0);
                q0 =
                        FloatVector.fromMemorySegment(FLOATS, ALL, x0 + 3 * VECTOR_BYTES, ORDER)
                                .fma(w3, q0);
                codes = codes + CODES & ADDRESS_BITS;
                x0 = x0 + 4 * VECTOR_BYTES & ADDRESS_BITS;
            }
            FloatVector scale = FloatVector.broadcast(FLOATS, scales[scalesAt + b]);
            s0 = p0.add(q0).fma(scale, s0);
        }
        s0.intoArray(sums, sumsAt);
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
            int sumsAt,
            int sumsPitch) {
        long codes = codesAddress & ADDRESS_BITS;
        long x0 = leftAddress & ADDRESS_BITS;
        long x1 = x0 + leftPitch & ADDRESS_BITS;
        FloatVector s0 = FloatVector.fromArray(FLOATS, sums, sumsAt);
        FloatVector s1 = FloatVector.fromArray(FLOATS, sums, sumsAt + sumsPitch);
        for (int b = 0; b < blocks; b++) {
            FloatVector p0 = Lanes.zero();
            FloatVector q0 = p0;
            FloatVector p1 = Lanes.zero();
            FloatVector q1 = p1;
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
                q0 =
                        FloatVector.fromMemorySegment(FLOATS, ALL, x0 + 2 * VECTOR_BYTES, ORDER)
                                .fma(w2, q0);
                q0 =
                        FloatVector.fromMemorySegment(FLOATS, ALL, x0 + 3 * VECTOR_BYTES, ORDER)
                                .fma(w3, q0);
                p1 = FloatVector.fromMemorySegment(FLOATS, ALL, x1, ORDER).fma(w0, p1);
                p1 =
                        FloatVector.fromMemorySegment(FLOATS, ALL, x1 + VECTOR_BYTES, ORDER)
                                .fma(w1, p1);
                q1 =
                        FloatVector.fromMemorySegment(FLOATS, ALL, x1 + 2 * VECTOR_BYTES, ORDER)
                                .fma(w2, q1);
                q1 =
                        FloatVector.fromMemorySegment(FLOATS, ALL, x1 + 3 * VECTOR_BYTES, ORDER)
                                .fma(w3, q1);
                codes = codes + CODES & ADDRESS_BITS;
                x0 = x0 + 4 * VECTOR_BYTES & ADDRESS_BITS;
                x1 = x1 + 4 * VECTOR_BYTES & ADDRESS_BITS;
            }
            FloatVector scale = FloatVector.broadcast(FLOATS, scales[scalesAt + b]);
            s0 = p0.add(q0).fma(scale, s0);
            s1 = p1.add(q1).fma(scale, s1);
        }
        s0.intoArray(sums, sumsAt);
        s1.intoArray(sums, sumsAt + sumsPitch);
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
            int sumsAt,
            int sumsPitch) {
        long codes = codesAddress & ADDRESS_BITS;
        long x0 = leftAddress & ADDRESS_BITS;
        long x1 = x0 + leftPitch & ADDRESS_BITS;
        long x2 = x1 + leftPitch & ADDRESS_BITS;
        long x3 = x2 + leftPitch & ADDRESS_BITS;
        FloatVector s0 = FloatVector.fromArray(FLOATS, sums, sumsAt);
        FloatVector s1 = FloatVector.fromArray(FLOATS, sums, sumsAt + sumsPitch);
        FloatVector s2 = FloatVector.fromArray(FLOATS, sums, sumsAt + 2 * sumsPitch);
        FloatVector s3 = FloatVector.fromArray(FLOATS, sums, sumsAt + 3 * sumsPitch);
        for (int b = 0; b < blocks; b++) {
            FloatVector p0 = Lanes.zero();
            FloatVector q0 = p0;
            FloatVector p1 = Lanes.zero();
            FloatVector q1 = p1;
            FloatVector p2 = Lanes.zero();
            FloatVector q2 = p2;
            FloatVector p3 = Lanes.zero();
            FloatVector q3 = p3;
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
                q0 =
                        FloatVector.fromMemorySegment(FLOATS, ALL, x0 + 2 * VECTOR_BYTES, ORDER)
                                .fma(w2, q0);
                q0 =
                        FloatVector.fromMemorySegment(FLOATS, ALL, x0 + 3 * VECTOR_BYTES, ORDER)
                                .fma(w3, q0);
                p1 = FloatVector.fromMemorySegment(FLOATS, ALL, x1, ORDER).fma(w0, p1);
                p1 =
                        FloatVector.fromMemorySegment(FLOATS, ALL, x1 + VECTOR_BYTES, ORDER)
                                .fma(w1, p1);
                q1 =
                        FloatVector.fromMemorySegment(FLOATS, ALL, x1 + 2 * VECTOR_BYTES, ORDER)
                                .fma(w2, q1);
                q1 =
                        FloatVector.fromMemorySegment(FLOATS, ALL, x1 + 3 * VECTOR_BYTES, ORDER)
                                .fma(w3, q1);
                p2 = FloatVector.fromMemorySegment(FLOATS, ALL, x2, ORDER).fma(w0, p2);
                p2 =
                        FloatVector.fromMemorySegment(FLOATS, ALL, x2 + VECTOR_BYTES, ORDER)
                                .fma(w1, p2);
                q2 =
                        FloatVector.fromMemorySegment(FLOATS, ALL, x2 + 2 * VECTOR_BYTES, ORDER)
                                .fma(w2, q2);
                q2 =
                        FloatVector.fromMemorySegment(FLOATS, ALL, x2 + 3 * VECTOR_BYTES, ORDER)
                                .fma(w3, q2);
                p3 = FloatVector.fromMemorySegment(FLOATS, ALL, x3, ORDER).fma(w0, p3);
                p3 =
                        FloatVector.fromMemorySegment(FLOATS, ALL, x3 + VECTOR_BYTES, ORDER)
                                .fma(w1, p3);
                q3 =
                        FloatVector.fromMemorySegment(FLOATS, ALL, x3 + 2 * VECTOR_BYTES, ORDER)
                                .fma(w2, q3);
                q3 =
                        FloatVector.fromMemorySegment(FLOATS, ALL, x3 + 3 * VECTOR_BYTES, ORDER)
                                .fma(w3, q3);
                codes = codes + CODES & ADDRESS_BITS;
                x0 = x0 + 4 * VECTOR_BYTES & ADDRESS_BITS;
                x1 = x1 + 4 * VECTOR_BYTES & ADDRESS_BITS;
                x2 = x2 + 4 * VECTOR_BYTES & ADDRESS_BITS;
                x3 = x3 + 4 * VECTOR_BYTES & ADDRESS_BITS;
            }
            FloatVector scale = FloatVector.broadcast(FLOATS, scales[scalesAt + b]);
            s0 = p0.add(q0).fma(scale, s0);
            s1 = p1.add(q1).fma(scale, s1);
            s2 = p2.add(q2).fma(scale, s2);
            s3 = p3.add(q3).fma(scale, s3);
        }
        s0.intoArray(sums, sumsAt);
        s1.intoArray(sums, sumsAt + sumsPitch);
        s2.intoArray(sums, sumsAt + 2 * sumsPitch);
        s3.intoArray(sums, sumsAt + 3 * sumsPitch);
    }
}
