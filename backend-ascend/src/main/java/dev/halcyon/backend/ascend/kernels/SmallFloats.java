package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.host.HostElements;
import dev.halcyon.hal.memory.DType;

import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/// 8-bit and 4-bit codes as numbers, by a table of their values on the device; most processors have
/// no arithmetic for them.
final class SmallFloats {
    private static final int BYTES = 256;

    private static final Map<String, byte[]> CODES = new ConcurrentHashMap<>();

    private SmallFloats() {}

    /// {@return the numbers, FLOAT in scratch}
    ///
    /// @param codes UINT8
    static View decode(Composition c, DType dtype, View codes) {
        float[] values = new float[BYTES];
        MemorySegment one = MemorySegment.ofArray(new byte[1]);
        for (int code = 0; code < BYTES; code++) {
            one.set(java.lang.foreign.ValueLayout.JAVA_BYTE, 0, (byte) code);
            values[code] = (float) HostElements.get(one, dtype, 0);
        }
        View table = c.table("values of " + dtype, values);
        View decoded = c.scratch(AclDataType.FLOAT, codes.dims());
        long count = codes.elements();
        View indices = c.scratch(AclDataType.INT32, count);
        c.convert(codes, indices.reshape(codes.dims()));
        c.gatherRows(table, indices, decoded.reshape(count));
        return decoded;
    }

    /// {@return the numbers of codes packed two a byte, FLOAT in scratch}
    ///
    /// @param bytes UINT8, half as wide as the result
    static View decodePairs(Composition c, DType dtype, View bytes) {
        float[] values = new float[2 * BYTES];
        MemorySegment one = MemorySegment.ofArray(new byte[1]);
        for (int code = 0; code < BYTES; code++) {
            one.set(java.lang.foreign.ValueLayout.JAVA_BYTE, 0, (byte) code);
            values[2 * code] = (float) HostElements.get(one, dtype, 0);
            values[2 * code + 1] = (float) HostElements.get(one, dtype, 1);
        }
        View table = c.table("pairs of " + dtype, values).reshape(BYTES, 2);
        long count = bytes.elements();
        View indices = c.scratch(AclDataType.INT32, count);
        c.convert(bytes, indices.reshape(bytes.dims()));
        long[] dims = bytes.dims().clone();
        dims[dims.length - 1] *= 2;
        View decoded = c.scratch(AclDataType.FLOAT, dims);
        c.gatherRows(table, indices, decoded.reshape(count, 2));
        return decoded;
    }

    /// {@return the codes nearest to the numbers, UINT8 in scratch with the numbers' extents; of
    /// 4-bit types one a byte}
    ///
    /// The upper 16 bits of a number hold more of it than any of these types, and of the lower ones
    /// it matters alone whether all are zero: that decides ties. So a table of both rounds as if at
    /// once.
    ///
    /// @param numbers FLOAT or DOUBLE
    static View encode(Composition c, DType dtype, View numbers) {
        boolean wide = numbers.type() == AclDataType.DOUBLE;
        long count = numbers.elements();
        View codes = c.scratch(AclDataType.UINT8, count);
        long mark = c.mark();
        View bytes = c.bytesOf(c.dense(numbers).reshape(count));
        int upper = numbers.type().bytes() - 2;
        View lost = c.scratch(AclDataType.INT32, count, 1);
        c.reduceSum(bytes.slice(1, 0, upper), new long[] {1}, lost);
        View index = c.scratch(AclDataType.INT32, count, 1);
        c.multiply(bytes.slice(1, upper + 1, upper + 2), 2 * BYTES, index);
        c.addTo(index, bytes.slice(1, upper, upper + 1), 2);
        View isInexact = c.scratch(AclDataType.INT32, count, 1);
        c.convert(c.greater(lost, 0), isInexact);
        c.addTo(index, isInexact, 1);
        c.gatherRows(codeTable(c, dtype, wide), index.reshape(count), codes);
        c.release(mark);
        return codes.reshape(numbers.dims());
    }

    private static View codeTable(Composition c, DType dtype, boolean wide) {
        String name = "codes of " + dtype + (wide ? " from binary64" : " from binary32");
        return c.table(name, CODES.computeIfAbsent(name, key -> codes(dtype, wide)));
    }

    private static byte[] codes(DType dtype, boolean wide) {
        byte[] codes = new byte[2 * BYTES * BYTES];
        MemorySegment one = MemorySegment.ofArray(new byte[1]);
        for (int i = 0; i < codes.length; i++) {
            long upper = i >> 1;
            double number =
                    wide
                            ? Double.longBitsToDouble(upper << 48 | i & 1)
                            : Float.intBitsToFloat((int) upper << 16 | i & 1);
            HostElements.set(one, dtype, 0, number);
            codes[i] = one.get(java.lang.foreign.ValueLayout.JAVA_BYTE, 0);
        }
        return codes;
    }
}
