package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.host.HostElements;
import dev.halcyon.hal.memory.DType;

import java.lang.foreign.MemorySegment;

/// 8-bit and 4-bit codes as numbers, by a table of their values on the device; most processors have
/// no arithmetic for them.
final class SmallFloats {
    private static final int BYTES = 256;

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
}
