package dev.halcyon.hal.memory;

import static dev.halcyon.hal.kernel.AbsentMemory.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.Expect;
import dev.halcyon.hal.kernel.AbsentMemory;

import org.junit.jupiter.api.Test;

import java.util.List;
import java.util.Optional;

/// Operands are consistent in themselves before any spec looks at them.
final class OperandTest {
    private static final QuantizationScheme FP8 = QuantizationScheme.FP8_BLOCK_128;
    private static final WeightFormat PANELS =
            WeightFormat.rowMajor(DType.BF16).withLayout("panels");

    @Test
    void scalesAreOneABlockAndPartOfABlockCounts() {
        assertEquals(Shape.of(2, 3), FP8.scaleShape(Shape.of(129, 384)));
        assertEquals(Shape.of(5, 1, 1), FP8.scaleShape(Shape.of(5, 1, 128)));
        assertEquals(Shape.of(0, 2), FP8.scaleShape(Shape.of(0, 256)));
        Expect.thrown(
                IllegalArgumentException.class,
                () -> FP8.scaleShape(Shape.of(128)),
                "matrix",
                "[128]");
    }

    @Test
    void aQuantizedTensorHasTheTypesAndTheScalesOfItsScheme() {
        Tensor values = tensor(DType.F8_E4M3, 129, 384);
        Tensor scales = tensor(DType.F32, 2, 3);
        QuantizedTensor quantized = new QuantizedTensor(values, scales, FP8);
        assertEquals(Shape.of(129, 384), quantized.shape());
        assertEquals(WeightFormat.rowMajor(FP8), quantized.format());
        Expect.thrown(
                IllegalArgumentException.class,
                () -> new QuantizedTensor(values, tensor(DType.F32, 1, 3), FP8),
                "[129, 384]",
                "128x128",
                "need scales of shape [2, 3], got [1, 3]");
        Expect.thrown(
                IllegalArgumentException.class,
                () -> new QuantizedTensor(tensor(DType.I8, 129, 384), scales, FP8),
                "F8_E4M3 values",
                "got I8");
        Expect.thrown(
                IllegalArgumentException.class,
                () -> new QuantizedTensor(values, tensor(DType.BF16, 2, 3), FP8),
                "F32 scales",
                "BF16");
    }

    @Test
    void aSchemeHasABlockAndScalesThatCanScale() {
        Expect.thrown(IllegalArgumentException.class, () -> FP8.withBlock(0, 128), "0x128");
        Expect.thrown(
                IllegalArgumentException.class,
                () -> FP8.withTypes(DType.I4, DType.I32),
                "scales",
                "I32");
        assertEquals(
                QuantizationScheme.ScaleRule.POWER_OF_TWO,
                FP8.withRule(QuantizationScheme.ScaleRule.POWER_OF_TWO).rule());
    }

    @Test
    void aListIsItsElementsInANewDimension() {
        TensorList list =
                new TensorList(List.of(tensor(DType.BF16, 3, 4), tensor(DType.BF16, 3, 4)));
        assertEquals(Shape.of(2, 3, 4), list.shape());
        assertTrue(list.format().isListed());
        assertEquals(WeightFormat.rowMajor(DType.BF16), list.format().unlisted());
        List<Operand> source = new java.util.ArrayList<>(list.elements());
        TensorList copied = new TensorList(source);
        source.clear();
        assertEquals(2, copied.elements().size());
    }

    @Test
    void aListHasAtLeastOneElementAllAlikeAndNoLists() {
        Tensor one = tensor(DType.BF16, 3, 4);
        Expect.thrown(
                IllegalArgumentException.class, () -> new TensorList(List.of()), "at least one");
        Expect.thrown(
                IllegalArgumentException.class,
                () -> new TensorList(List.of(one, tensor(DType.BF16, 4, 3))),
                "element 1",
                "[4, 3]",
                "[3, 4]");
        Expect.thrown(
                IllegalArgumentException.class,
                () -> new TensorList(List.of(one, tensor(DType.F32, 3, 4))),
                "element 1",
                "F32",
                "BF16");
        Expect.thrown(
                IllegalArgumentException.class,
                () -> new TensorList(List.of(new TensorList(List.of(one)))),
                "element 0",
                "itself a list");
    }

    @Test
    void aPackedWeightIsBytesInALayoutOfItsOwn() {
        Shape shape = Shape.of(16, 32);
        PackedTensor packed = new PackedTensor(tensor(DType.U8, 1024), shape, PANELS);
        assertEquals(shape, packed.shape());
        assertEquals(PANELS, packed.format());
        Expect.thrown(
                IllegalArgumentException.class,
                () -> new PackedTensor(tensor(DType.I8, 1024), shape, PANELS),
                "U8 vector",
                "I8");
        Expect.thrown(
                IllegalArgumentException.class,
                () -> new PackedTensor(tensor(DType.U8, 2, 512), shape, PANELS),
                "[2, 512]");
        Expect.thrown(
                IllegalArgumentException.class,
                () ->
                        new PackedTensor(
                                tensor(DType.U8, 1024, 2).transpose(0, 1).get(0), shape, PANELS),
                "contiguous");
        Expect.thrown(
                IllegalArgumentException.class,
                () -> new PackedTensor(tensor(DType.U8, 1023), shape, PANELS),
                "at least 1024 bytes, the storage has 1023",
                "device.allocatePacked");
        Expect.thrown(
                IllegalArgumentException.class,
                () ->
                        new PackedTensor(
                                tensor(DType.U8, 1024), shape, WeightFormat.rowMajor(DType.BF16)),
                "row-major");
        Expect.thrown(
                IllegalArgumentException.class,
                () -> new PackedTensor(tensor(DType.U8, 1024), shape, PANELS.listed()),
                "one piece");
    }

    @Test
    void aWeightFormatCountsValuesAndScales() {
        assertEquals(129 * 384 + 2 * 3 * 4, WeightFormat.rowMajor(FP8).bytes(Shape.of(129, 384)));
        assertEquals(6, WeightFormat.rowMajor(DType.I4).bytes(Shape.of(3, 4)));
        assertEquals(
                "F8_E4M3/F32 128x128 row-major listed",
                WeightFormat.rowMajor(FP8).listed().toString());
        Expect.thrown(
                IllegalArgumentException.class,
                () -> new WeightFormat(DType.BF16, Optional.of(FP8), WeightFormat.ROW_MAJOR, false),
                "BF16",
                "F8_E4M3");
    }

    @Test
    void aCacheFormatIsConsistent() {
        CacheFormat format = CacheFormat.rowMajor(DType.BF16, 512, 64, 64);
        assertEquals(576, format.rowDim());
        assertEquals(64 * 576 * 2, format.bytesPerPage());
        assertEquals(0, format.pagesFor(0));
        assertEquals(1, format.pagesFor(64));
        assertEquals(2, format.pagesFor(65));
        Expect.thrown(
                IllegalArgumentException.class,
                () -> new CacheFormat(CacheFormat.ROW_MAJOR, DType.BF16, 512, 64, 64, 1),
                "73728 bytes, not 1");
        assertFalse(new CacheFormat("own", DType.BF16, 512, 64, 64, 1 << 20).isRowMajor());
        assertThrows(
                IllegalArgumentException.class, () -> CacheFormat.rowMajor(DType.BF16, 0, 64, 64));
        assertThrows(
                IllegalArgumentException.class,
                () -> CacheFormat.rowMajor(DType.BF16, 512, -1, 64));
        assertThrows(
                IllegalArgumentException.class, () -> CacheFormat.rowMajor(DType.BF16, 512, 64, 0));
        Expect.thrown(
                IllegalArgumentException.class,
                () -> new CacheFormat("own", DType.BF16, Integer.MAX_VALUE, 1, 1, 1),
                "too long");
    }

    @Test
    void aCachePoolIsWholePages() {
        CacheFormat format = CacheFormat.rowMajor(DType.BF16, 6, 2, 4);
        CachePool pool = new CachePool(tensor(DType.U8, 3, 64), format);
        assertEquals(3, pool.pages());
        assertEquals(12, pool.slots());
        assertEquals(Shape.of(3, 4, 8), pool.rows().shape());
        assertEquals(DType.BF16, pool.rows().dtype());
        assertEquals(2, new CachePool(pool.storage().slice(0, 1, 3), format).pages());
        Expect.thrown(
                IllegalArgumentException.class,
                () -> new CachePool(tensor(DType.U8, 3, 63), format),
                "U8 [pages, 64]",
                "[3, 63]");
        Expect.thrown(
                IllegalArgumentException.class,
                () -> new CachePool(tensor(DType.I8, 3, 64), format),
                "I8");
        Expect.thrown(
                IllegalArgumentException.class,
                () -> new CachePool(AbsentMemory.spaced(DType.U8, 3, 64), format),
                "one behind the other");
        Expect.thrown(
                IllegalArgumentException.class,
                () -> new CachePool(tensor(DType.U8, 65).slice(0, 1, 65).reshape(1, 64), format),
                "multiple of 2 bytes");
        CacheFormat own = new CacheFormat("own", DType.BF16, 6, 2, 4, 64);
        Expect.thrown(
                IllegalStateException.class,
                () -> new CachePool(tensor(DType.U8, 3, 64), own).rows(),
                "own",
                "no row view");
    }

    @Test
    void aWorkspaceIsAlignedBytes() {
        assertEquals(100, new Workspace(tensor(DType.U8, 100)).byteSize());
        assertEquals(0, new Workspace(tensor(DType.U8, 0)).byteSize());
        assertEquals(36, new Workspace(tensor(DType.U8, 100).slice(0, 64, 100)).byteSize());
        Expect.thrown(
                IllegalArgumentException.class,
                () -> new Workspace(tensor(DType.F32, 100)),
                "U8 vector",
                "F32");
        Expect.thrown(
                IllegalArgumentException.class,
                () -> new Workspace(tensor(DType.U8, 1, 100)),
                "[1, 100]");
        Expect.thrown(
                IllegalArgumentException.class,
                () -> new Workspace(tensor(DType.U8, 100).slice(0, 1, 100)),
                "multiple of 64 bytes",
                "not at 1");
    }
}
