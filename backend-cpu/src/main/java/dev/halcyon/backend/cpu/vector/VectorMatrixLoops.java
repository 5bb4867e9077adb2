package dev.halcyon.backend.cpu.vector;

import static dev.halcyon.backend.cpu.vector.Lanes.COUNT;
import static dev.halcyon.backend.cpu.vector.Lanes.FLOATS;
import static dev.halcyon.backend.cpu.vector.Lanes.HALF_SHORTS;
import static dev.halcyon.backend.cpu.vector.Lanes.INTS;
import static dev.halcyon.backend.cpu.vector.Lanes.ORDER;

import dev.halcyon.backend.cpu.loops.MatrixLoops;
import dev.halcyon.backend.cpu.memory.NativeMemory;
import dev.halcyon.backend.cpu.product.Elements;
import dev.halcyon.hal.memory.DType;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;

import java.lang.foreign.MemorySegment;
import java.util.Locale;

/// Loops over register tiles of matrix products on the Vector API.
final class VectorMatrixLoops implements MatrixLoops {
    /// AVX-512 and NEON have 32 vector registers, AVX2 and SSE 16; a tile that does not fit spills
    /// at every step.
    private static final boolean MANY_REGISTERS =
            COUNT >= 16
                    || System.getProperty("os.arch", "")
                            .toLowerCase(Locale.ROOT)
                            .startsWith("aarch");

    @Override
    public int lanes() {
        return COUNT;
    }

    @Override
    public int dotTile(int rows) {
        return rows >= 4 && MANY_REGISTERS ? 4 : Math.min(rows, 2);
    }

    @Override
    public int panelTile(int rows) {
        if (rows > 4) {
            return MANY_REGISTERS ? 8 : 6;
        }
        return rows > 2 ? 4 : rows;
    }

    @Override
    public void dotF32(
            int rows,
            MemorySegment left,
            long leftAt,
            long leftPitch,
            MemorySegment right,
            long rightAt0,
            long rightAt1,
            long rightAt2,
            long rightAt3,
            int k,
            float[] sums,
            int sumsAt) {
        switch (rows) {
            case 1 ->
                    DotTiles.f32Rows1(
                            left, leftAt, right, rightAt0, rightAt1, rightAt2, rightAt3, k, sums,
                            sumsAt);
            case 2 ->
                    DotTiles.f32Rows2(
                            left, leftAt, leftPitch, right, rightAt0, rightAt1, rightAt2, rightAt3,
                            k, sums, sumsAt);
            case 4 ->
                    DotTiles.f32Rows4(
                            left, leftAt, leftPitch, right, rightAt0, rightAt1, rightAt2, rightAt3,
                            k, sums, sumsAt);
            default -> throw new IllegalArgumentException("no tile along k of " + rows + " rows");
        }
    }

    @Override
    public void dotBf16(
            int rows,
            MemorySegment left,
            long leftAt,
            long leftPitch,
            MemorySegment right,
            long rightAt0,
            long rightAt1,
            long rightAt2,
            long rightAt3,
            int k,
            float[] sums,
            int sumsAt) {
        switch (rows) {
            case 1 ->
                    DotTiles.bf16Rows1(
                            left, leftAt, right, rightAt0, rightAt1, rightAt2, rightAt3, k, sums,
                            sumsAt);
            case 2 ->
                    DotTiles.bf16Rows2(
                            left, leftAt, leftPitch, right, rightAt0, rightAt1, rightAt2, rightAt3,
                            k, sums, sumsAt);
            case 4 ->
                    DotTiles.bf16Rows4(
                            left, leftAt, leftPitch, right, rightAt0, rightAt1, rightAt2, rightAt3,
                            k, sums, sumsAt);
            default -> throw new IllegalArgumentException("no tile along k of " + rows + " rows");
        }
    }

    @Override
    public boolean takesCodes(DType type, int blockColumns) {
        return ByteCodeTiles.AVAILABLE
                && (type == DType.F8_E4M3 || type == DType.F8_E5M2)
                && blockColumns % (4 * COUNT) == 0;
    }

    @Override
    public void dotCodes(
            DType type,
            int rows,
            MemorySegment left,
            long leftAt,
            long leftPitch,
            MemorySegment codes,
            long codesAt0,
            long codesAt1,
            long codesAt2,
            long codesAt3,
            int k,
            int blockColumns,
            float[] scales,
            int scalesPitch,
            float[] sums,
            int sumsAt) {
        if (k == 0) {
            return;
        }
        ByteCodeTiles.tile(
                type,
                rows,
                NativeMemory.address(left, leftAt, (rows - 1) * leftPitch + k * 4L),
                leftPitch,
                NativeMemory.address(codes, codesAt0, k),
                NativeMemory.address(codes, codesAt1, k),
                NativeMemory.address(codes, codesAt2, k),
                NativeMemory.address(codes, codesAt3, k),
                k,
                blockColumns,
                scales,
                scalesPitch,
                sums,
                sumsAt);
    }

    /// In plain Java: `reduceLanes` may add in another order from one call to the next.
    @Override
    public void reduce(int count, float[] sums, int sumsAt, float[] out, int outAt) {
        for (int i = 0; i < count; i++) {
            int at = sumsAt + i * COUNT;
            float a = sums[at];
            float b = sums[at + 1];
            float c = sums[at + 2];
            float d = sums[at + 3];
            for (int lane = 4; lane < COUNT; lane += 4) {
                a += sums[at + lane];
                b += sums[at + lane + 1];
                c += sums[at + lane + 2];
                d += sums[at + lane + 3];
            }
            out[outAt + i] = (a + b) + (c + d);
        }
    }

    @Override
    public void panelF32(
            int rows,
            MemorySegment left,
            long leftAt,
            MemorySegment panel,
            long panelAt,
            int k,
            float[] tile,
            float[] out,
            int outAt,
            int outPitch) {
        F32PanelTiles.tile(rows, left, leftAt, panel, panelAt, k, tile, out, outAt, outPitch);
    }

    @Override
    public void panelBf16(
            int rows,
            MemorySegment left,
            long leftAt,
            MemorySegment panel,
            long panelAt,
            int k,
            float[] tile,
            float[] out,
            int outAt,
            int outPitch) {
        Bf16PanelTiles.tile(rows, left, leftAt, panel, panelAt, k, tile, out, outAt, outPitch);
    }

    @Override
    public void decode(
            DType type,
            MemorySegment codes,
            long codesAt,
            MemorySegment scales,
            long scalesAt,
            int words,
            MemorySegment out,
            long outAt) {
        switch (type) {
            case F8_E4M3 -> WordDecoders.e4m3(codes, codesAt, scales, scalesAt, words, out, outAt);
            case F8_E5M2 -> WordDecoders.e5m2(codes, codesAt, scales, scalesAt, words, out, outAt);
            case F4_E2M1 -> WordDecoders.e2m1(codes, codesAt, scales, scalesAt, words, out, outAt);
            case I4 -> WordDecoders.int4(codes, codesAt, scales, scalesAt, words, out, outAt);
            default -> throw new IllegalArgumentException(type + " is not decoded by words");
        }
    }

    @Override
    public void widen(
            DType type, MemorySegment from, long fromAt, int count, MemorySegment to, long toAt) {
        int main = type == DType.F32 || type == DType.BF16 ? count - count % COUNT : 0;
        if (type == DType.F32) {
            for (int i = 0; i < main; i += COUNT) {
                FloatVector.fromMemorySegment(FLOATS, from, fromAt + i * 4L, ORDER)
                        .intoMemorySegment(to, toAt + i * 4L, ORDER);
            }
        } else {
            for (int i = 0; i < main; i += COUNT) {
                ShortVector bits =
                        ShortVector.fromMemorySegment(HALF_SHORTS, from, fromAt + i * 2L, ORDER);
                ((IntVector) bits.convertShape(VectorOperators.ZERO_EXTEND_S2I, INTS, 0))
                        .lanewise(VectorOperators.LSHL, 16)
                        .intoMemorySegment(to, toAt + i * 4L, ORDER);
            }
        }
        long elementBytes = type.bits() / 8;
        Elements.widen(
                type,
                from,
                fromAt + main * elementBytes,
                elementBytes,
                count - main,
                to,
                toAt + main * 4L,
                Float.BYTES);
    }

    @Override
    public void packRows(
            DType type,
            MemorySegment from,
            long fromAt,
            long rowBytes,
            int rows,
            int k,
            MemorySegment out,
            long outAt,
            int outPitch) {
        if (rows == 0 || k == 0) {
            return;
        }
        if (type != DType.F32 && type != DType.BF16) {
            MatrixLoops.super.packRows(type, from, fromAt, rowBytes, rows, k, out, outAt, outPitch);
            return;
        }
        long step = (long) outPitch * Float.BYTES;
        long source = NativeMemory.address(from, fromAt, (rows - 1) * rowBytes + type.bytes(k));
        long target = NativeMemory.address(out, outAt, (k - 1) * step + (long) rows * Float.BYTES);
        if (type == DType.F32) {
            TilePacking.f32Rows(source, rowBytes, rows, k, target, step);
        } else {
            TilePacking.bf16Rows(source, rowBytes, rows, k, target, step);
        }
    }

    @Override
    public void packColumns(
            DType type,
            MemorySegment from,
            long fromAt,
            long rowBytes,
            int columns,
            int k,
            MemorySegment out,
            long outAt,
            int outPitch) {
        if (columns == 0 || k == 0) {
            return;
        }
        if (type != DType.F32 && type != DType.BF16) {
            MatrixLoops.super.packColumns(
                    type, from, fromAt, rowBytes, columns, k, out, outAt, outPitch);
            return;
        }
        long step = (long) outPitch * Float.BYTES;
        long source = NativeMemory.address(from, fromAt, (k - 1) * rowBytes + type.bytes(columns));
        long target =
                NativeMemory.address(out, outAt, (k - 1) * step + (long) columns * Float.BYTES);
        boolean panel = columns == 2 * COUNT && outPitch == columns;
        if (panel && type == DType.F32) {
            TilePacking.f32Panel(source, rowBytes, k, target);
        } else if (panel) {
            TilePacking.bf16Panel(source, rowBytes, k, target);
        } else if (type == DType.F32) {
            TilePacking.f32Columns(source, rowBytes, columns, k, target, step);
        } else {
            TilePacking.bf16Columns(source, rowBytes, columns, k, target, step);
        }
    }

    @Override
    public void transpose(
            DType type,
            MemorySegment from,
            long fromAt,
            long fromRowBytes,
            int rows,
            int columns,
            MemorySegment to,
            long toAt,
            long toRowBytes) {
        if (rows == 0 || columns == 0) {
            return;
        }
        long source =
                NativeMemory.address(from, fromAt, (rows - 1) * fromRowBytes + type.bytes(columns));
        long target = NativeMemory.address(to, toAt, (columns - 1) * toRowBytes + type.bytes(rows));
        if (type.bits() == Float.SIZE) {
            TilePacking.f32Rows(source, fromRowBytes, rows, columns, target, toRowBytes);
        } else {
            TilePacking.transposeShorts(source, fromRowBytes, rows, columns, target, toRowBytes);
        }
    }

    @Override
    public void unpair(MemorySegment panel, long panelAt, int k, MemorySegment out, long outAt) {
        TilePacking.unpair(
                NativeMemory.address(panel, panelAt, 4L * COUNT * k),
                k,
                NativeMemory.address(out, outAt, 8L * COUNT * k));
    }

    @Override
    public void store(
            DType type,
            int count,
            float alpha,
            float[] sums,
            int sumsAt,
            float beta,
            MemorySegment addend,
            long addendAt,
            MemorySegment out,
            long outAt) {
        int main = 0;
        if (type == DType.F32) {
            main = count - count % COUNT;
            for (int i = 0; i < main; i += COUNT) {
                FloatVector value = FloatVector.fromArray(FLOATS, sums, sumsAt + i).mul(alpha);
                if (beta != 0) {
                    value =
                            FloatVector.fromMemorySegment(FLOATS, addend, addendAt + i * 4L, ORDER)
                                    .mul(beta)
                                    .add(value);
                }
                value.intoMemorySegment(out, outAt + i * 4L, ORDER);
            }
        } else if (type == DType.BF16) {
            main = count - count % COUNT;
            for (int i = 0; i < main; i += COUNT) {
                FloatVector value = FloatVector.fromArray(FLOATS, sums, sumsAt + i).mul(alpha);
                if (beta != 0) {
                    ShortVector old =
                            ShortVector.fromMemorySegment(
                                    HALF_SHORTS, addend, addendAt + i * 2L, ORDER);
                    value =
                            ((IntVector) old.convertShape(VectorOperators.ZERO_EXTEND_S2I, INTS, 0))
                                    .lanewise(VectorOperators.LSHL, 16)
                                    .reinterpretAsFloats()
                                    .mul(beta)
                                    .add(value);
                }
                IntVector bits = value.reinterpretAsInts();
                IntVector lowest = bits.lanewise(VectorOperators.LSHR, 16).and(1);
                IntVector rounded = bits.add(lowest).add(0x7fff).lanewise(VectorOperators.LSHR, 16);
                // A NaN with a full mantissa would carry into the sign.
                IntVector quiet = bits.lanewise(VectorOperators.LSHR, 16).or(0x40);
                IntVector narrow =
                        rounded.blend(quiet, value.test(VectorOperators.IS_NAN).cast(INTS));
                ((ShortVector) narrow.convertShape(VectorOperators.I2S, HALF_SHORTS, 0))
                        .intoMemorySegment(out, outAt + i * 2L, ORDER);
            }
        }
        Elements.store(type, main, count, alpha, sums, sumsAt, beta, addend, addendAt, out, outAt);
    }
}
