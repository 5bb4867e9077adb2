package dev.halcyon.hal.host;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.halcyon.hal.kernel.AbsentMemory;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/// Elements are read as they were written, each where it belongs, rounded once.
final class HostElementsTest {
    private final MemorySegment memory = Arena.ofAuto().allocate(1024, 64);

    @ParameterizedTest
    @EnumSource
    void anElementIsWhereItWasPutAndItsNeighboursStay(DType dtype) {
        for (int i = 0; i < 8; i++) {
            HostElements.set(memory, dtype, i, 1);
        }
        HostElements.set(memory, dtype, 5, 4);
        HostElements.set(memory, dtype, 2, 2);
        for (int i = 0; i < 8; i++) {
            assertEquals(
                    i == 5 ? 4 : i == 2 ? 2 : 1,
                    HostElements.get(memory, dtype, i),
                    "element " + i);
        }
        assertEquals(0, memory.get(java.lang.foreign.ValueLayout.JAVA_BYTE, dtype.bytes(8)));
    }

    @Test
    void theLowerNibbleIsTheEvenElementAndIntegersAreOffsetByEight() {
        HostElements.set(memory, DType.I4, 0, -8);
        HostElements.set(memory, DType.I4, 1, 7);
        assertEquals((byte) 0xf0, memory.get(java.lang.foreign.ValueLayout.JAVA_BYTE, 0));
        HostElements.set(memory, DType.F4_E2M1, 2, 6);
        HostElements.set(memory, DType.F4_E2M1, 3, -0.5);
        assertEquals((byte) 0x97, memory.get(java.lang.foreign.ValueLayout.JAVA_BYTE, 1));
    }

    @ParameterizedTest
    @CsvSource({
        "I32, 2.5, 2",
        "I32, 3.5, 4",
        "I32, -1.7, -2",
        "I32, 1e20, 2147483647",
        "I32, -1e20, -2147483648",
        "I32, NaN, 0",
        "I64, -0.5, 0",
        "I64, 1.5, 2",
        "I64, 1e30, 9223372036854775807",
        "I8, 127.4, 127",
        "I8, 1000, 127",
        "I8, -128.6, -128",
        "U8, 254.5, 254",
        "U8, -3, 0",
        "U8, 300, 255",
        "I4, 7.5, 7",
        "I4, -9, -8",
        "I4, -1.5, -2"
    })
    void integersRoundToNearestEvenAndSaturate(DType dtype, double value, double expected) {
        HostElements.set(memory, dtype, 3, value);
        assertEquals(expected, HostElements.get(memory, dtype, 3));
    }

    /// Doubles beside the middle of two codes round away from it, although the nearest float is the
    /// middle itself.
    @Test
    void aDoubleIsRoundedOnceAndNotFirstToAFloat() {
        check(DType.F16, new NearestCode(0x7c00, code -> Float.float16ToFloat((short) code)));
        check(DType.F8_E4M3, new NearestCode(0x7f, FloatFormats::e4m3ToFloat));
        check(DType.F8_E5M2, new NearestCode(0x7c, FloatFormats::e5m2ToFloat));
        check(DType.F4_E2M1, new NearestCode(8, FloatFormats::e2m1ToFloat));
        check(DType.BF16, new NearestCode(600, code -> FloatFormats.bf16ToFloat((short) code)));
    }

    private void check(DType dtype, NearestCode nearest) {
        List<Double> critical = nearest.critical();
        // The last four lie beyond the last code, where the wider formats become infinite.
        for (double value : critical.subList(0, critical.size() - 4)) {
            HostElements.set(memory, dtype, 0, -value);
            double got = -HostElements.get(memory, dtype, 0);
            HostElements.set(memory, dtype, 0, FloatFormats.decode(dtype, nearest.of(value)));
            assertEquals(HostElements.get(memory, dtype, 0), got, () -> dtype + " of " + value);
        }
    }

    @Test
    void positionsComeInRowMajorOrderWhateverTheStrides() {
        Tensor turned = AbsentMemory.tensor(DType.I4, 2, 4).transpose(0, 1);
        List<Long> positions = new ArrayList<>();
        HostElements.forEach(
                turned,
                (number, position) -> {
                    assertEquals(positions.size(), number);
                    positions.add(position);
                });
        assertArrayEquals(
                new long[] {0, 4, 1, 5, 2, 6, 3, 7},
                positions.stream().mapToLong(Long::longValue).toArray());
        HostElements.forEach(
                AbsentMemory.tensor(DType.I4, 0, 4), (number, position) -> positions.clear());
        assertEquals(8, positions.size());
    }
}
