package dev.halcyon.hal.spi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.Expect;
import dev.halcyon.hal.FakeBackend;
import dev.halcyon.hal.kernel.AbsentMemory;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.TensorList;

import org.junit.jupiter.api.Test;

import java.util.BitSet;
import java.util.List;
import java.util.Random;

/// Overlap by arithmetic is compared with overlap by marking bytes: it may be too strict, never too
/// lax, and is exact for contiguous views and for column ranges of one matrix.
final class OverlapTest {
    private static BitSet bytesOf(Tensor tensor) {
        BitSet bytes = new BitSet();
        int bits = tensor.dtype().bits();
        long[] index = new long[tensor.rank()];
        for (long n = 0; n < tensor.elements(); n++) {
            long position = 0;
            for (int i = 0; i < index.length; i++) {
                position += index[i] * tensor.stride(i);
            }
            long firstBit = tensor.byteOffset() * 8 + position * bits;
            bytes.set((int) (firstBit / 8), (int) ((firstBit + bits - 1) / 8) + 1);
            for (int i = index.length - 1; i >= 0 && ++index[i] == tensor.dim(i); i--) {
                index[i] = 0;
            }
        }
        return bytes;
    }

    private static Tensor randomView(Random random, Tensor whole) {
        Tensor view = whole;
        for (int step = 0; step < 4 && view.rank() > 0; step++) {
            int dim = random.nextInt(view.rank());
            if (random.nextInt(4) == 0) {
                view = view.transpose(dim, random.nextInt(view.rank()));
            } else if (view.dim(dim) > 0) {
                long from = random.nextLong(view.dim(dim));
                view = view.slice(dim, from, from + 1 + random.nextLong(view.dim(dim) - from));
            }
        }
        return view;
    }

    @Test
    void neverMissesASharedByte() {
        Random random = new Random(11);
        int apart = 0;
        for (int round = 0; round < 20_000; round++) {
            Tensor whole = AbsentMemory.tensor(DType.F32, 4, 3, 6);
            Tensor other =
                    random.nextBoolean() ? whole : whole.reinterpret(DType.F16, Shape.of(12, 12));
            Tensor a = randomView(random, whole);
            Tensor b = randomView(random, other);
            boolean shared = bytesOf(a).intersects(bytesOf(b));
            boolean found = Overlap.between(a, b);
            assertEquals(found, Overlap.between(b, a), "it is symmetric");
            if (shared) {
                assertTrue(
                        found, a + " at " + a.byteOffset() + " and " + b + " at " + b.byteOffset());
            } else if (a.isContiguous() && b.isContiguous()) {
                assertFalse(found);
            }
            apart += found ? 0 : 1;
        }
        assertTrue(apart > 2000, "some do not overlap: " + apart);
    }

    @Test
    void isExactForColumnRanges() {
        Random random = new Random(12);
        for (int round = 0; round < 5000; round++) {
            Tensor whole = AbsentMemory.tensor(DType.BF16, 5, 9);
            Tensor a = columns(random, whole);
            Tensor b = columns(random, whole);
            assertEquals(bytesOf(a).intersects(bytesOf(b)), Overlap.between(a, b), a + " and " + b);
        }
    }

    private static Tensor columns(Random random, Tensor whole) {
        long from = random.nextLong(whole.dim(1));
        return whole.slice(1, from, from + 1 + random.nextLong(whole.dim(1) - from));
    }

    @Test
    void packedViewsOverlapByBytes() {
        Random random = new Random(13);
        for (int round = 0; round < 5000; round++) {
            Tensor whole = AbsentMemory.tensor(DType.I4, 4, 8);
            Tensor a = evenColumns(random, whole);
            Tensor b = evenColumns(random, whole);
            if (bytesOf(a).intersects(bytesOf(b))) {
                assertTrue(Overlap.between(a, b));
            }
        }
    }

    private static Tensor evenColumns(Random random, Tensor whole) {
        long from = 2 * random.nextLong(4);
        long row = random.nextLong(4);
        return whole.slice(1, from, from + 2 + 2 * random.nextLong((8 - from) / 2))
                .slice(0, row, 4);
    }

    @Test
    void otherBuffersAndEmptyViewsShareNothing() {
        Tensor one = AbsentMemory.tensor(DType.F32, 4);
        assertFalse(Overlap.between(one, AbsentMemory.tensor(DType.F32, 4)));
        assertFalse(Overlap.between(one, one.slice(0, 2, 2)));
        assertTrue(Overlap.same(one, one.reshape(2, 2)));
        assertTrue(Overlap.same(one, one.reinterpret(DType.I32, Shape.of(4))));
        assertFalse(Overlap.same(one, one.reinterpret(DType.F16, Shape.of(8))));
        assertFalse(Overlap.same(one, one.slice(0, 0, 3)));
        Tensor square = AbsentMemory.tensor(DType.F32, 3, 3);
        assertFalse(
                Overlap.same(square, square.transpose(0, 1)), "the same bytes in another order");
    }

    @Test
    void listsMayBeEqualElementByElementOnly() {
        try (Device device = FakeBackend.open();
                DeviceArena arena = device.arena("lists")) {
            Tensor a = arena.tensor(DType.F32, 4);
            Tensor b = arena.tensor(DType.F32, 4);
            TensorList list = new TensorList(List.of(a, b));
            BindChecks.check(device, Operands.of().read("x", list).write("out", list, "x"));
            Expect.thrown(
                    IllegalArgumentException.class,
                    () ->
                            BindChecks.check(
                                    device,
                                    Operands.of()
                                            .read("x", list)
                                            .write("out", new TensorList(List.of(b, a)), "x")),
                    "out[0]",
                    "overlaps x[1]");
            Expect.thrown(
                    IllegalArgumentException.class,
                    () ->
                            BindChecks.check(
                                    device,
                                    Operands.of()
                                            .update("parameters", new TensorList(List.of(a, a)))),
                    "parameters[0]",
                    "overlaps parameters[1]");
        }
    }
}
