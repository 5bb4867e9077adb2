package dev.halcyon.hal.host;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.Expect;
import dev.halcyon.hal.FakeBackend;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;

/// Copies, fills, uploads and readings move exactly the elements of a view.
final class TransferTest {
    private final Device device = FakeBackend.open();
    private final DeviceArena arena = device.arena("operands");
    private final Stream stream = device.stream("main");

    @AfterEach
    void close() {
        stream.close();
        arena.close();
        device.close();
    }

    @ParameterizedTest
    @EnumSource
    void aCopyTouchesTheElementsOfTheViewAndNoOthers(DType dtype) {
        Random random = new Random(5);
        for (int round = 0; round < 60; round++) {
            Tensor from = arena.tensor(dtype, 4, 3, 8);
            Tensor to = arena.tensor(dtype, 4, 3, 8);
            Tensor expected = arena.tensor(dtype, 4, 3, 8);
            for (int i = 0; i < 96; i++) {
                HostElements.set(from.segment(), dtype, i, 1 << i % 3);
                HostElements.set(to.segment(), dtype, i, 1);
                HostElements.set(expected.segment(), dtype, i, 1);
            }
            int a = random.nextInt(3);
            int b = random.nextInt(3);
            long rows = 1 + random.nextLong(4);
            long start = 2 * random.nextLong(4);
            Tensor source = view(from, rows, start, a, b);
            Tensor destination = view(to, rows, start, a, b);
            Tensor selected = view(expected, rows, start, a, b);
            HostElements.forEach(
                    selected,
                    (number, position) ->
                            HostElements.set(
                                    selected.segment(),
                                    dtype,
                                    position,
                                    HostElements.get(source.segment(), dtype, position)));
            stream.copy(destination, source);
            assertArrayEquals(stream.readFloats(expected), stream.readFloats(to));
        }
    }

    private static Tensor view(Tensor whole, long rows, long start, int a, int b) {
        return whole.slice(0, 4 - rows, 4).slice(2, start, 8).transpose(a, b);
    }

    @Test
    void aCopyBetweenLayoutsIsByIndex() {
        Tensor matrix = arena.tensor(DType.I32, 2, 3);
        stream.write(matrix, 1, 2, 3, 4, 5, 6);
        Tensor turned = arena.tensor(DType.I32, 3, 2);
        stream.copy(turned, matrix.transpose(0, 1));
        assertArrayEquals(new int[] {1, 4, 2, 5, 3, 6}, stream.readInts(turned));
        stream.copy(matrix.transpose(0, 1), turned);
        assertArrayEquals(new int[] {1, 2, 3, 4, 5, 6}, stream.readInts(matrix));
    }

    @Test
    void aNibbleIsCopiedAndFilledWithoutItsNeighbour() {
        Tensor from = arena.tensor(DType.I4, 4);
        Tensor to = arena.tensor(DType.I4, 4);
        stream.write(from, 1, 2, 3, 4);
        stream.write(to, -1, -2, -3, -4);
        stream.copy(to.get(0), from.get(0));
        assertArrayEquals(new int[] {1, -2, -3, -4}, stream.readInts(to));
        stream.fill(to.get(2), 7);
        assertArrayEquals(new int[] {1, -2, 7, -4}, stream.readInts(to));
        Tensor floats = arena.tensor(DType.F4_E2M1, 2);
        stream.fill(floats, 6);
        stream.fill(floats.get(0), 0);
        assertArrayEquals(new float[] {0, 6}, stream.readFloats(floats));
    }

    @Test
    void aCopyNeedsOneTypeAndShape() {
        Tensor matrix = arena.tensor(DType.F32, 2, 3);
        Expect.thrown(
                IllegalArgumentException.class,
                () -> stream.copy(matrix, arena.tensor(DType.F32, 3, 2)),
                "[2, 3]",
                "[3, 2]");
        Expect.thrown(
                IllegalArgumentException.class,
                () -> stream.copy(matrix, arena.tensor(DType.BF16, 2, 3)),
                "F32",
                "BF16",
                "Cast");
    }

    @ParameterizedTest
    @EnumSource
    void aFillIsOneValueInEveryElementOfTheView(DType dtype) {
        Tensor whole = arena.tensor(dtype, 3, 8);
        stream.fill(whole, 1);
        for (double value : new double[] {0, 2, -0.0}) {
            stream.fill(whole.slice(1, 2, 6), value);
            float[] found = stream.readFloats(whole);
            for (int i = 0; i < found.length; i++) {
                boolean inside = i % 8 >= 2 && i % 8 < 6;
                // The least scale is 2^-127: there is no zero.
                float expected =
                        inside
                                ? dtype == DType.F8_E8M0 && value == 0 ? 0x1p-127f : (float) value
                                : 1;
                assertEquals(expected + 0f, found[i] + 0f, dtype + " " + value + " at " + i);
            }
        }
    }

    @Test
    void uploadsAndDownloadsMoveWholeTensorsOfAnySegment() {
        Tensor matrix = arena.tensor(DType.I32, 2, 2);
        stream.upload(matrix, MemorySegment.ofArray(new int[] {1, 2, 3, 4}));
        int[] back = new int[4];
        stream.download(MemorySegment.ofArray(back), matrix);
        assertArrayEquals(new int[] {1, 2, 3, 4}, back);
        stream.upload(matrix.get(1), arena.tensor(DType.U8, 8).segment().fill((byte) 0));
        assertArrayEquals(new int[] {1, 2, 0, 0}, stream.readInts(matrix));
        stream.upload(matrix.slice(0, 0, 0), MemorySegment.NULL);
        String[] words = {"16 bytes", "the host segment 12"};
        MemorySegment small = MemorySegment.ofArray(new int[3]);
        Expect.thrown(IllegalArgumentException.class, () -> stream.upload(matrix, small), words);
        Expect.thrown(IllegalArgumentException.class, () -> stream.download(small, matrix), words);
        Tensor column = matrix.slice(1, 0, 1);
        Expect.thrown(
                IllegalArgumentException.class,
                () -> stream.upload(column, small),
                "contiguous",
                "Copy");
        Expect.thrown(
                IllegalArgumentException.class, () -> stream.download(small, column), "contiguous");
        assertThrows(
                IllegalArgumentException.class,
                () -> stream.download(MemorySegment.ofArray(new int[4]).asReadOnly(), matrix));
        stream.synchronize();
    }

    @Test
    void whatIsWrittenIsRoundedToTheType() {
        Tensor halves = arena.tensor(DType.BF16, 2);
        stream.write(halves, 0x1.01p0f, 0x1.03p0f);
        assertArrayEquals(new float[] {1, 0x1.04p0f}, stream.readFloats(halves));
        Tensor bytes = arena.tensor(DType.I8, 4);
        stream.write(bytes, 1.5f, 2.5f, 300f, Float.NaN);
        assertArrayEquals(new int[] {2, 2, 127, 0}, stream.readInts(bytes));
        Tensor longs = arena.tensor(DType.I64, 2);
        stream.write(longs, Integer.MAX_VALUE, -5);
        assertArrayEquals(new int[] {Integer.MAX_VALUE, -5}, stream.readInts(longs));
        longs.segment().set(ValueLayout.JAVA_LONG, 0, 1L << 40);
        assertThrows(ArithmeticException.class, () -> stream.readInts(longs));
    }

    @Test
    void integersAreWrittenToAnyTensorAndReadFromIntegerOnes() {
        Tensor floats = arena.tensor(DType.F32, 1);
        stream.write(floats, 3);
        assertArrayEquals(new float[] {3}, stream.readFloats(floats));
        Expect.thrown(
                IllegalArgumentException.class, () -> stream.readInts(floats), "integer", "F32");
        Expect.thrown(
                IllegalArgumentException.class,
                () -> stream.write(floats, 1f, 2f),
                "F32 [1] has 1 elements, got 2");
    }
}
