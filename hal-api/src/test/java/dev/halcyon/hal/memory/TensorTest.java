package dev.halcyon.hal.memory;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.Expect;
import dev.halcyon.hal.FakeBackend;
import dev.halcyon.hal.Stream;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.Random;

/// Views show the elements they should: each is compared with the same selection from an array of
/// indices.
final class TensorTest {
    private final Device device = FakeBackend.open();
    private final DeviceArena arena = device.arena("views");
    private final Stream stream = device.stream("views");

    /// Elements 0 to 119 in row-major order.
    private Tensor numbers;

    @BeforeEach
    void number() {
        numbers = arena.tensor(DType.I32, 4, 5, 6);
        int[] values = new int[120];
        for (int i = 0; i < values.length; i++) {
            values[i] = i;
        }
        stream.write(numbers, values);
    }

    @AfterEach
    void close() {
        stream.close();
        arena.close();
        device.close();
    }

    /// The element of `numbers` at an index, by arithmetic.
    private static int at(long i, long j, long k) {
        return (int) (i * 30 + j * 6 + k);
    }

    @Test
    void aNewTensorIsContiguousAlignedAndInRowMajorOrder() {
        assertTrue(numbers.isContiguous());
        assertEquals(0, numbers.address() % 64);
        assertEquals(30, numbers.stride(0));
        assertEquals(6, numbers.stride(-2));
        assertEquals(1, numbers.stride(2));
        assertEquals(480, numbers.byteSize());
        assertEquals(
                at(2, 3, 4),
                numbers.segment()
                        .getAtIndex(java.lang.foreign.ValueLayout.JAVA_INT, 2 * 30 + 3 * 6 + 4));
    }

    @Test
    void aSliceShowsItsPartOfEachDimension() {
        Tensor part = numbers.slice(0, 1, 3).slice(1, 2, 5).slice(-1, 4, 6);
        assertEquals(Shape.of(2, 3, 2), part.shape());
        assertFalse(part.isContiguous());
        int[] expected = new int[12];
        int n = 0;
        for (int i = 1; i < 3; i++) {
            for (int j = 2; j < 5; j++) {
                for (int k = 4; k < 6; k++) {
                    expected[n++] = at(i, j, k);
                }
            }
        }
        assertArrayEquals(expected, stream.readInts(part));
        assertEquals(((30 + 2 * 6 + 1) + 1) * 4L, part.byteSize());
        assertEquals(numbers.address() + at(1, 2, 4) * 4L, part.address());
    }

    @Test
    void slicingTwiceIsSlicingOnce() {
        Tensor twice = numbers.slice(1, 1, 5).slice(1, 1, 3);
        Tensor once = numbers.slice(1, 2, 4);
        assertEquals(once.byteOffset(), twice.byteOffset());
        assertArrayEquals(stream.readInts(once), stream.readInts(twice));
        assertArrayEquals(stream.readInts(numbers), stream.readInts(numbers.slice(0, 0, 4)));
    }

    @Test
    void outermostSlicesAndEntriesAreContiguous() {
        assertTrue(numbers.slice(0, 1, 3).isContiguous());
        Tensor entry = numbers.get(2).get(3);
        assertEquals(Shape.of(6), entry.shape());
        assertTrue(entry.isContiguous());
        assertArrayEquals(new int[] {78, 79, 80, 81, 82, 83}, stream.readInts(entry));
        Tensor scalar = entry.get(5);
        assertEquals(0, scalar.rank());
        assertArrayEquals(new int[] {83}, stream.readInts(scalar));
        assertThrows(IndexOutOfBoundsException.class, () -> scalar.get(0));
    }

    @Test
    void aSliceOutsideIsRefused() {
        assertThrows(IndexOutOfBoundsException.class, () -> numbers.slice(1, -1, 2));
        assertThrows(IndexOutOfBoundsException.class, () -> numbers.slice(1, 0, 6));
        assertThrows(IndexOutOfBoundsException.class, () -> numbers.slice(1, 3, 2));
        assertThrows(IndexOutOfBoundsException.class, () -> numbers.slice(3, 0, 0));
        assertThrows(IndexOutOfBoundsException.class, () -> numbers.slice(-4, 0, 0));
        assertThrows(IndexOutOfBoundsException.class, () -> numbers.get(4));
        assertThrows(IndexOutOfBoundsException.class, () -> numbers.get(-1));
    }

    @Test
    void anEmptyViewHasNoBytesAndStaysInsideItsBuffer() {
        Tensor empty = numbers.slice(0, 4, 4).slice(1, 5, 5).slice(2, 6, 6);
        assertEquals(Shape.of(0, 0, 0), empty.shape());
        assertTrue(empty.isContiguous());
        assertEquals(0, empty.byteSize());
        assertEquals(0, empty.segment().byteSize());
        assertArrayEquals(new int[0], stream.readInts(empty));
        assertArrayEquals(new int[0], stream.readInts(empty.reshape(0, 7)));
        assertArrayEquals(new int[0], stream.readInts(empty.transpose(0, 2)));
        assertArrayEquals(new int[0], stream.readInts(arena.tensor(DType.I32, 3, 0)));
    }

    @Test
    void transposingExchangesIndicesAndTwiceIsNothing() {
        Tensor turned = numbers.transpose(0, -1);
        assertEquals(Shape.of(6, 5, 4), turned.shape());
        assertFalse(turned.isContiguous());
        int[] values = stream.readInts(turned);
        for (int k = 0; k < 6; k++) {
            for (int j = 0; j < 5; j++) {
                for (int i = 0; i < 4; i++) {
                    assertEquals(at(i, j, k), values[(k * 5 + j) * 4 + i]);
                }
            }
        }
        assertArrayEquals(stream.readInts(numbers), stream.readInts(turned.transpose(0, 2)));
        assertTrue(turned.transpose(2, 0).isContiguous());
        assertThrows(IndexOutOfBoundsException.class, () -> numbers.transpose(0, 3));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3})
    void unsqueezingAddsADimensionOfOneAnywhere(int at) {
        for (Tensor tensor :
                new Tensor[] {numbers, numbers.slice(2, 1, 4), numbers.transpose(0, 1)}) {
            Tensor wider = tensor.unsqueeze(at);
            assertEquals(4, wider.rank());
            assertEquals(1, wider.dim(at));
            assertEquals(tensor.isContiguous(), wider.isContiguous());
            assertArrayEquals(stream.readInts(tensor), stream.readInts(wider));
        }
        assertThrows(IndexOutOfBoundsException.class, () -> numbers.unsqueeze(4));
        assertThrows(IndexOutOfBoundsException.class, () -> numbers.unsqueeze(-1));
        assertArrayEquals(
                new int[] {7}, stream.readInts(numbers.get(0).get(1).get(1).unsqueeze(0)));
    }

    @Test
    void reshapingKeepsTheOrderOfTheElements() {
        Tensor flat = numbers.reshape(120);
        assertArrayEquals(stream.readInts(numbers), stream.readInts(flat));
        assertArrayEquals(
                stream.readInts(numbers), stream.readInts(numbers.reshape(2, 2, 5, 1, 6)));
        assertSame(numbers.buffer(), flat.buffer());
        Tensor half = numbers.slice(0, 2, 4).reshape(10, 6);
        assertEquals(at(2, 0, 0), stream.readInts(half)[0]);
    }

    @Test
    void reshapingRefusesOtherCountsAndGaps() {
        Expect.thrown(
                IllegalArgumentException.class,
                () -> numbers.reshape(11, 11),
                "I32 [4, 5, 6]",
                "[11, 11]");
        Expect.thrown(
                IllegalArgumentException.class,
                () -> numbers.slice(2, 0, 3).reshape(60),
                "strided",
                "[4, 5, 3]");
        assertEquals(Shape.of(), arena.tensor(DType.F32, 1).reshape().shape());
    }

    @Test
    void reinterpretingKeepsTheBytes() {
        stream.write(numbers, new int[120]);
        Tensor bytes = numbers.reinterpret(DType.U8, Shape.of(480));
        stream.write(bytes.slice(0, 4, 8), 0x01, 0x02, 0x00, 0x00);
        assertEquals(0x0201, stream.readInts(numbers)[1]);
        assertEquals(Shape.of(960), numbers.reinterpret(DType.I4, Shape.of(960)).shape());
        assertEquals(0, numbers.slice(0, 0, 0).reinterpret(DType.F64, Shape.of(0)).elements());
    }

    @Test
    void reinterpretingRefusesOtherSizesGapsAndBadAlignment() {
        Expect.thrown(
                IllegalArgumentException.class,
                () -> numbers.reinterpret(DType.F64, Shape.of(61)),
                "480 bytes",
                "F64 [61]");
        Expect.thrown(
                IllegalArgumentException.class,
                () -> numbers.slice(1, 0, 2).reinterpret(DType.F32, Shape.of(48)),
                "strided");
        Tensor shifted = numbers.reshape(120).slice(0, 1, 3);
        Expect.thrown(
                IllegalArgumentException.class,
                () -> shifted.reinterpret(DType.F64, Shape.of(1)),
                "offset 4 is not a multiple of the 8 bytes of F64",
                "copy the data to an aligned place");
        Expect.thrown(
                IllegalArgumentException.class,
                () -> numbers.reinterpret(DType.F64, Shape.of(Long.MAX_VALUE)),
                "more bytes than a long can count");
    }

    @Test
    void aViewFitsItsBuffer() {
        Buffer buffer = numbers.buffer();
        assertEquals(480, buffer.byteSize());
        assertArrayEquals(
                new int[] {1, 2}, stream.readInts(Tensor.of(buffer, 4, DType.I32, Shape.of(2))));
        Expect.thrown(
                IllegalArgumentException.class,
                () -> Tensor.of(buffer, 476, DType.I32, Shape.of(2)),
                "8 bytes at offset 476",
                "the buffer has 480");
        assertThrows(
                IllegalArgumentException.class,
                () -> Tensor.of(buffer, -4, DType.I32, Shape.of(1)));
        assertThrows(
                IllegalArgumentException.class,
                () -> Tensor.of(buffer, Long.MAX_VALUE, DType.I32, Shape.of(1)));
        assertThrows(
                IllegalArgumentException.class, () -> Tensor.of(buffer, 2, DType.I32, Shape.of(1)));
        assertThrows(
                IllegalArgumentException.class,
                () -> Tensor.of(buffer, 0, DType.I64, Shape.of(Long.MAX_VALUE)));
        assertEquals(0, Tensor.of(buffer, 480, DType.I32, Shape.of(0)).byteSize());
    }

    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            names = {"F4_E2M1", "I4"})
    void rowsOfPackedElementsBeginAndEndWithAByte(DType dtype) {
        Tensor packed = arena.tensor(dtype, 3, 6);
        assertEquals(9, packed.byteSize());
        assertEquals(packed.address() + 3, packed.get(1).address());
        assertEquals(packed.address() + 1, packed.slice(1, 2, 6).address());
        Expect.thrown(
                IllegalArgumentException.class, () -> packed.slice(1, 1, 3), "middle of a byte");
        Expect.thrown(IllegalArgumentException.class, () -> packed.slice(1, 0, 3), "odd");
        Expect.thrown(IllegalArgumentException.class, () -> packed.reshape(6, 3), "odd", "pad");
        Expect.thrown(
                IllegalArgumentException.class, () -> arena.tensor(dtype, 2, 3), "odd", "pad");
        Expect.thrown(
                IllegalArgumentException.class,
                () -> packed.reshape(18).get(1),
                "middle of a byte");
        assertEquals(Shape.of(6, 3), packed.transpose(0, 1).shape());
        assertEquals(0, packed.slice(1, 3, 3).elements());
        assertEquals(1, arena.tensor(dtype, new long[0]).byteSize());
    }

    @Test
    void chainsOfViewsAgreeWithArithmetic() {
        Random random = new Random(20260101);
        for (int round = 0; round < 300; round++) {
            Tensor view = numbers;
            long offset = 0;
            long[] strides = {30, 6, 1};
            for (int step = 0; step < 6 && view.rank() > 0; step++) {
                int dim = random.nextInt(view.rank());
                switch (random.nextInt(3)) {
                    case 0 -> {
                        long from = random.nextLong(view.dim(dim) + 1);
                        long to = from + random.nextLong(view.dim(dim) - from + 1);
                        view = view.slice(dim, from, to);
                        offset += from * strides[dim];
                    }
                    case 1 -> {
                        int other = random.nextInt(view.rank());
                        view = view.transpose(dim, other);
                        long stride = strides[dim];
                        strides[dim] = strides[other];
                        strides[other] = stride;
                    }
                    default -> {
                        if (view.dim(0) > 0) {
                            long index = random.nextLong(view.dim(0));
                            view = view.get(index);
                            offset += index * strides[0];
                            strides = java.util.Arrays.copyOfRange(strides, 1, strides.length);
                        }
                    }
                }
            }
            assertArrayEquals(
                    expected(view.shape(), offset, strides),
                    stream.readInts(view),
                    "round " + round);
        }
    }

    private static int[] expected(Shape shape, long offset, long[] strides) {
        int[] values = new int[(int) shape.elements()];
        for (int n = 0; n < values.length; n++) {
            long position = offset;
            long rest = n;
            for (int i = shape.rank() - 1; i >= 0; i--) {
                position += rest % shape.dim(i) * strides[i];
                rest /= shape.dim(i);
            }
            values[n] = (int) position;
        }
        return values;
    }
}
