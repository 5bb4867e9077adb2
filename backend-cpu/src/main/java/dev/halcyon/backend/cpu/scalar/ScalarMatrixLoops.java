package dev.halcyon.backend.cpu.scalar;

import dev.halcyon.backend.cpu.loops.MatrixLoops;
import dev.halcyon.backend.cpu.product.Elements;
import dev.halcyon.hal.memory.DType;

import java.lang.foreign.MemorySegment;

/// Loops over register tiles of matrix products in plain Java, as if a vector had four lanes.
public final class ScalarMatrixLoops implements MatrixLoops {
    private static final int LANES = 4;
    private static final int COLUMNS = 2 * LANES;
    private static final int UPPER = 0xffff0000;

    @Override
    public int lanes() {
        return LANES;
    }

    @Override
    public int dotTile(int rows) {
        return Math.min(rows, WEIGHT_ROWS);
    }

    @Override
    public int panelTile(int rows) {
        return Math.min(rows, LANES);
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
        for (int i = 0; i < rows; i++) {
            long row = leftAt + i * leftPitch;
            int at = sumsAt + i * WEIGHT_ROWS * LANES;
            dotF32(left, row, right, rightAt0, k, sums, at);
            dotF32(left, row, right, rightAt1, k, sums, at + LANES);
            dotF32(left, row, right, rightAt2, k, sums, at + 2 * LANES);
            dotF32(left, row, right, rightAt3, k, sums, at + 3 * LANES);
        }
    }

    private static void dotF32(
            MemorySegment left,
            long leftAt,
            MemorySegment right,
            long rightAt,
            int k,
            float[] sums,
            int at) {
        float a = sums[at];
        float b = sums[at + 1];
        float c = sums[at + 2];
        float d = sums[at + 3];
        for (int i = 0; i < k; i += LANES) {
            long l = leftAt + i * 4L;
            long r = rightAt + i * 4L;
            a += left.get(Elements.FLOAT, l) * right.get(Elements.FLOAT, r);
            b += left.get(Elements.FLOAT, l + 4) * right.get(Elements.FLOAT, r + 4);
            c += left.get(Elements.FLOAT, l + 8) * right.get(Elements.FLOAT, r + 8);
            d += left.get(Elements.FLOAT, l + 12) * right.get(Elements.FLOAT, r + 12);
        }
        keep(a, b, c, d, sums, at);
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
        for (int i = 0; i < rows; i++) {
            long row = leftAt + i * leftPitch;
            int at = sumsAt + i * WEIGHT_ROWS * LANES;
            dotBf16(left, row, right, rightAt0, k, sums, at);
            dotBf16(left, row, right, rightAt1, k, sums, at + LANES);
            dotBf16(left, row, right, rightAt2, k, sums, at + 2 * LANES);
            dotBf16(left, row, right, rightAt3, k, sums, at + 3 * LANES);
        }
    }

    private static void dotBf16(
            MemorySegment left,
            long leftAt,
            MemorySegment right,
            long rightAt,
            int k,
            float[] sums,
            int at) {
        float a = sums[at];
        float b = sums[at + 1];
        float c = sums[at + 2];
        float d = sums[at + 3];
        for (int i = 0; i < k; i += 2 * LANES) {
            long l = leftAt + i * 4L;
            long r = rightAt + i * 2L;
            int pairA = right.get(Elements.INT, r);
            int pairB = right.get(Elements.INT, r + 4);
            int pairC = right.get(Elements.INT, r + 8);
            int pairD = right.get(Elements.INT, r + 12);
            a += left.get(Elements.FLOAT, l) * Float.intBitsToFloat(pairA << 16);
            b += left.get(Elements.FLOAT, l + 4) * Float.intBitsToFloat(pairB << 16);
            c += left.get(Elements.FLOAT, l + 8) * Float.intBitsToFloat(pairC << 16);
            d += left.get(Elements.FLOAT, l + 12) * Float.intBitsToFloat(pairD << 16);
            a += left.get(Elements.FLOAT, l + 16) * Float.intBitsToFloat(pairA & UPPER);
            b += left.get(Elements.FLOAT, l + 20) * Float.intBitsToFloat(pairB & UPPER);
            c += left.get(Elements.FLOAT, l + 24) * Float.intBitsToFloat(pairC & UPPER);
            d += left.get(Elements.FLOAT, l + 28) * Float.intBitsToFloat(pairD & UPPER);
        }
        keep(a, b, c, d, sums, at);
    }

    private static void keep(float a, float b, float c, float d, float[] to, int at) {
        to[at] = a;
        to[at + 1] = b;
        to[at + 2] = c;
        to[at + 3] = d;
    }

    @Override
    public void reduce(int count, float[] sums, int sumsAt, float[] out, int outAt) {
        for (int i = 0; i < count; i++) {
            int at = sumsAt + i * LANES;
            out[outAt + i] = (sums[at] + sums[at + 1]) + (sums[at + 2] + sums[at + 3]);
        }
    }

    /// Four columns at a time, so that their sums stay in registers.
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
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < COLUMNS; j += LANES) {
                int at = outAt + i * outPitch + j;
                float a = out[at];
                float b = out[at + 1];
                float c = out[at + 2];
                float d = out[at + 3];
                for (int s = 0; s < k; s++) {
                    float x = left.get(Elements.FLOAT, leftAt + ((long) s * rows + i) * 4);
                    long p = panelAt + ((long) s * COLUMNS + j) * 4;
                    a += x * panel.get(Elements.FLOAT, p);
                    b += x * panel.get(Elements.FLOAT, p + 4);
                    c += x * panel.get(Elements.FLOAT, p + 8);
                    d += x * panel.get(Elements.FLOAT, p + 12);
                }
                keep(a, b, c, d, out, at);
            }
        }
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
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < COLUMNS; j += LANES) {
                int at = outAt + i * outPitch + j;
                float a = out[at];
                float b = out[at + 1];
                float c = out[at + 2];
                float d = out[at + 3];
                for (int s = 0; s < k; s += 2) {
                    float x = left.get(Elements.FLOAT, leftAt + ((long) s * rows + i) * 4);
                    float y = left.get(Elements.FLOAT, leftAt + ((s + 1L) * rows + i) * 4);
                    long p = panelAt + ((long) s / 2 * COLUMNS + j) * 4;
                    int pairA = panel.get(Elements.INT, p);
                    int pairB = panel.get(Elements.INT, p + 4);
                    int pairC = panel.get(Elements.INT, p + 8);
                    int pairD = panel.get(Elements.INT, p + 12);
                    a =
                            a
                                    + x * Float.intBitsToFloat(pairA << 16)
                                    + y * Float.intBitsToFloat(pairA & UPPER);
                    b =
                            b
                                    + x * Float.intBitsToFloat(pairB << 16)
                                    + y * Float.intBitsToFloat(pairB & UPPER);
                    c =
                            c
                                    + x * Float.intBitsToFloat(pairC << 16)
                                    + y * Float.intBitsToFloat(pairC & UPPER);
                    d =
                            d
                                    + x * Float.intBitsToFloat(pairD << 16)
                                    + y * Float.intBitsToFloat(pairD & UPPER);
                }
                keep(a, b, c, d, out, at);
            }
        }
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
        int planes = MatrixLoops.planes(type);
        for (int word = 0; word < words; word++) {
            float scale = scales.get(Elements.FLOAT, scalesAt + word * 4L);
            long at = outAt + ((long) (word - word % LANES) * planes + word % LANES) * 4;
            for (int p = 0; p < planes; p++) {
                float value =
                        type.isPacked()
                                ? Elements.getPacked(type, codes, codesAt, (long) word * planes + p)
                                : Elements.get(type, codes, codesAt + (long) word * planes + p);
                out.set(Elements.FLOAT, at + (long) p * LANES * 4, value * scale);
            }
        }
    }

    @Override
    public void widen(
            DType type, MemorySegment from, long fromAt, int count, MemorySegment to, long toAt) {
        Elements.widen(type, from, fromAt, type.bits() / 8, count, to, toAt, Float.BYTES);
    }

    @Override
    public void unpair(MemorySegment panel, long panelAt, int k, MemorySegment out, long outAt) {
        for (int s = 0; s < k; s += 2) {
            for (int j = 0; j < COLUMNS; j++) {
                int pair = panel.get(Elements.INT, panelAt + ((long) s / 2 * COLUMNS + j) * 4);
                long to = outAt + ((long) s * COLUMNS + j) * 4;
                out.set(Elements.INT, to, pair << 16);
                out.set(Elements.INT, to + COLUMNS * 4L, pair & UPPER);
            }
        }
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
        Elements.store(type, 0, count, alpha, sums, sumsAt, beta, addend, addendAt, out, outAt);
    }
}
