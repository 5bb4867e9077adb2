package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.View;

import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;

/// The random numbers of [dev.halcyon.hal.kernel.token.Sample#uniform(long, int)] on the device.
///
/// CANN has neither exclusive-or nor shifts, and does not say what a product does that needs more
/// than 64 bits. So a number is its eight bytes, lowest first: shifts and exclusive-ors are tables
/// of two bytes, and products sums of products of bytes, whose carries are read from the bytes of
/// the sum.
final class SplitMix {
    private static final long GOLDEN_GAMMA = 0x9E3779B97F4A7C15L;
    private static final int BYTES = Long.BYTES;
    private static final int VALUES = 256;

    private SplitMix() {}

    /// {@return the upper 24 bits of each row's number, FLOAT `[R, 1]`: all that binary32 holds}
    ///
    /// @param seed INT64 `[R]`
    /// @param position INT32 `[R]`
    static View uniform(Composition c, View seed, View position) {
        long rows = seed.dim(0);
        View start = c.scratch(AclDataType.INT32, rows, BYTES);
        c.add(c.bytesOf(seed), c.table("bytes of gamma", bytesOf(GOLDEN_GAMMA)), 1, start);
        View mixed = mix(c, carried(c, start));
        View step = c.scratch(AclDataType.INT64, rows);
        c.convert(position, step);
        c.addTo(step, 1);
        View sum = times(c, c.bytesOf(step), GOLDEN_GAMMA, "gamma");
        c.addTo(sum, mixed, 1);
        View bits = scramble(c, carried(c, sum));
        // The last exclusive-or of the mix does not reach the upper three bytes.
        View parts = c.scratch(AclDataType.FLOAT, rows, 3);
        c.convert(bits.slice(1, BYTES - 3, BYTES), parts);
        c.multiplyBy(parts, c.table("24-bit places", new float[] {0x1p-24f, 0x1p-16f, 0x1p-8f}));
        View uniform = c.scratch(AclDataType.FLOAT, rows, 1);
        c.sumRows(parts, uniform);
        return uniform;
    }

    private static View mix(Composition c, View number) {
        return foldDown(c, scramble(c, number), 31);
    }

    /// {@return the mix but for its last step}
    private static View scramble(Composition c, View number) {
        View once =
                carried(c, times(c, foldDown(c, number, 30), 0xBF58476D1CE4E5B9L, "first factor"));
        return carried(c, times(c, foldDown(c, once, 27), 0x94D049BB133111EBL, "second factor"));
    }

    /// {@return `z ^ z >>> shift`, for shifts of three bytes and some bits}
    private static View foldDown(Composition c, View number, int shift) {
        long rows = number.dim(0);
        int bits = shift - 24;
        int reach = BYTES - 3;
        View folded = c.scratch(AclDataType.INT32, rows, BYTES);
        long mark = c.mark();
        View pairs = c.scratch(AclDataType.INT32, rows, reach);
        c.copy(number.slice(1, 3, BYTES), pairs);
        c.addTo(pairs.slice(1, 0, reach - 1), number.slice(1, 4, BYTES), VALUES);
        View shifted =
                lookUp(c, "two bytes shifted by " + bits, pairs, pair -> pair >> bits & VALUES - 1);
        c.addTo(shifted, number.slice(1, 0, reach), VALUES);
        View changed = lookUp(c, "exclusive or", shifted, pair -> pair / VALUES ^ pair % VALUES);
        c.copy(changed, folded.slice(1, 0, reach));
        c.copy(number.slice(1, reach, BYTES), folded.slice(1, reach, BYTES));
        c.release(mark);
        return folded;
    }

    private static View lookUp(Composition c, String name, View pairs, IntUnaryOperator function) {
        View table = c.table(name, IntStream.range(0, VALUES * VALUES).map(function).toArray());
        View found = c.scratch(AclDataType.INT32, pairs.dims());
        long count = pairs.elements();
        c.gatherRows(table, pairs.reshape(count), found.reshape(count));
        return found;
    }

    /// {@return what each place of the product modulo 2^64 adds up to, INT32 `[R, 8]`, at most
    /// 520,200}
    private static View times(Composition c, View number, long factor, String name) {
        int[] bytes = bytesOf(factor);
        int[] places = new int[BYTES * BYTES];
        for (int i = 0; i < BYTES; i++) {
            for (int k = i; k < BYTES; k++) {
                places[i * BYTES + k] = bytes[k - i];
            }
        }
        long rows = number.dim(0);
        View sums = c.scratch(AclDataType.INT32, rows, 1, BYTES);
        long mark = c.mark();
        View products = c.scratch(AclDataType.INT32, rows, BYTES, BYTES);
        c.multiply(
                number.unsqueeze(2),
                c.table("places of the " + name, places).reshape(BYTES, BYTES),
                products);
        c.reduceSum(products, new long[] {1}, sums);
        c.release(mark);
        return sums.reshape(rows, BYTES);
    }

    /// {@return the eight bytes of `sum(places[k] 256^k)` modulo 2^64, INT32 `[R, 8]`}
    ///
    /// @param places below 2^20 each
    private static View carried(Composition c, View places) {
        long rows = places.dim(0);
        View bytes = c.scratch(AclDataType.INT32, rows, BYTES);
        long mark = c.mark();
        int half = BYTES / 2;
        View wide = c.scratch(AclDataType.INT64, rows, 2, half);
        c.convert(places, wide.reshape(rows, BYTES));
        c.multiplyBy(
                wide, c.table("places of half a number", new int[] {1, 1 << 8, 1 << 16, 1 << 24}));
        View halves = c.scratch(AclDataType.INT64, rows, 2, 1);
        c.reduceSum(wide, new long[] {2}, halves);
        View lower = c.scratch(AclDataType.INT64, rows);
        View upper = c.scratch(AclDataType.INT64, rows);
        c.copy(halves.slice(1, 0, 1), lower.reshape(rows, 1, 1));
        c.copy(halves.slice(1, 1, 2), upper.reshape(rows, 1, 1));
        View lowerBytes = c.bytesOf(lower);
        c.copy(lowerBytes.slice(1, 0, half), bytes.slice(1, 0, half));
        View carry = c.scratch(AclDataType.INT64, rows, 2);
        c.convert(lowerBytes.slice(1, half, half + 2), carry);
        c.addTo(upper, carry.transpose(0, 1).get(0), 1);
        c.addTo(upper, carry.transpose(0, 1).get(1), VALUES);
        c.copy(c.bytesOf(upper).slice(1, 0, half), bytes.slice(1, half, BYTES));
        c.release(mark);
        return bytes;
    }

    private static int[] bytesOf(long number) {
        return IntStream.range(0, BYTES).map(i -> (int) (number >>> 8 * i) & VALUES - 1).toArray();
    }
}
