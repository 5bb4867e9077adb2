package dev.halcyon.backend.cpu.product;

import dev.halcyon.backend.cpu.loops.MatrixLoops;
import dev.halcyon.hal.kernel.Require;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.PackedTensor;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.QuantizedTensor;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.TensorList;
import dev.halcyon.hal.memory.WeightFormat;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;

/// The right-hand sides of a product, one a group: plain, block-scaled or packed, in one piece or
/// at many addresses.
public final class Weights {
    private static final MemorySegment[] NO_SEGMENTS = {};
    private static final long[] NO_OFFSETS = {};

    private final WeightFormat format;
    private final int planes;
    private final MemorySegment[] values;
    private final long[] valuesAt;
    private final @Nullable QuantizationScheme scheme;
    private final MemorySegment[] scales;
    private final long[] scalesAt;
    private final long rowBytes;
    private final long scaleColumns;

    private Weights(
            WeightFormat format,
            MemorySegment[] values,
            long[] valuesAt,
            MemorySegment[] scales,
            long[] scalesAt,
            long rowBytes,
            long scaleColumns) {
        this.format = format;
        this.planes = planes(format);
        this.scheme = format.scheme().orElse(null);
        this.values = values;
        this.valuesAt = valuesAt;
        this.scales = scales;
        this.scalesAt = scalesAt;
        this.rowBytes = rowBytes;
        this.scaleColumns = scaleColumns;
    }

    /// {@return plain matrices; moving them moves these}
    public static Weights of(Matrices matrices) {
        MemorySegment[] segments = new MemorySegment[matrices.count()];
        for (int g = 0; g < segments.length; g++) {
            segments[g] = matrices.segment(g);
        }
        return new Weights(
                WeightFormat.rowMajor(matrices.dtype()),
                segments,
                matrices.offsets(),
                NO_SEGMENTS,
                NO_OFFSETS,
                matrices.rowBytes(),
                0);
    }

    /// {@return one packed matrix}
    static Weights ofPanels(WeightFormat format, MemorySegment memory, PanelLayout layout) {
        return new Weights(
                format,
                new MemorySegment[] {memory},
                new long[1],
                NO_SEGMENTS,
                NO_OFFSETS,
                layout.panelBytes(),
                0);
    }

    /// {@return the matrices of an operand: one that all groups share if it has rank 2, otherwise
    /// one a group}
    ///
    /// @param panelRows rows of a panel, if it is packed
    public static Weights of(Operand operand, int groups, int panelRows) {
        List<? extends Operand> elements = Require.elements(operand);
        boolean stacked = !(operand instanceof TensorList) && operand.shape().rank() == 3;
        return switch (elements.getFirst()) {
            case Tensor _ -> of(Matrices.of(operand, groups));
            case QuantizedTensor first -> quantized(first, elements, stacked, groups);
            case PackedTensor first -> packed(first, elements, stacked, groups, panelRows);
            case TensorList _ -> throw new IllegalArgumentException("a list of lists is no weight");
        };
    }

    private static Weights quantized(
            QuantizedTensor first, List<? extends Operand> elements, boolean stacked, int groups) {
        Shape shape = first.shape();
        Shape scaleShape = first.scales().shape();
        long valueBytes = first.values().dtype().bytes(shape.dim(-2) * shape.dim(-1));
        long scaleBytes = first.scales().dtype().bytes(scaleShape.dim(-2) * scaleShape.dim(-1));
        MemorySegment[] values = new MemorySegment[groups];
        MemorySegment[] scales = new MemorySegment[groups];
        long[] valuesAt = new long[groups];
        long[] scalesAt = new long[groups];
        for (int g = 0; g < groups; g++) {
            QuantizedTensor element = (QuantizedTensor) elements.get(elements.size() == 1 ? 0 : g);
            values[g] = element.values().segment();
            scales[g] = element.scales().segment();
            valuesAt[g] = stacked ? g * valueBytes : 0;
            scalesAt[g] = stacked ? g * scaleBytes : 0;
        }
        return new Weights(
                WeightFormat.rowMajor(first.scheme()),
                values,
                valuesAt,
                scales,
                scalesAt,
                first.values().dtype().bytes(shape.dim(-1)),
                scaleShape.dim(-1));
    }

    private static Weights packed(
            PackedTensor first,
            List<? extends Operand> elements,
            boolean stacked,
            int groups,
            int panelRows) {
        PanelLayout layout = PanelLayout.of(first.format().dtype(), panelRows, first.shape());
        MemorySegment[] values = new MemorySegment[groups];
        long[] valuesAt = new long[groups];
        for (int g = 0; g < groups; g++) {
            PackedTensor element = (PackedTensor) elements.get(elements.size() == 1 ? 0 : g);
            values[g] = element.storage().segment();
            valuesAt[g] = stacked ? g * layout.matrixBytes() : 0;
        }
        return new Weights(
                first.format(), values, valuesAt, NO_SEGMENTS, NO_OFFSETS, layout.panelBytes(), 0);
    }

    /// {@return in how many planes the tiles along k read a row of this format; see
    /// [MatrixLoops#decode]}
    ///
    /// A block of columns that splits a word leaves it with two scales, and the row to the loop
    /// over elements.
    static int planes(WeightFormat format) {
        int planes = MatrixLoops.planes(format.dtype());
        return format.scheme().map(s -> s.blockColumns() % planes == 0).orElse(true) ? planes : 1;
    }

    /// {@return whether the tiles along k read a row of this format in place}
    static boolean isDirect(WeightFormat format) {
        return PanelLayout.takes(format);
    }

    WeightFormat format() {
        return format;
    }

    /// {@return the memory of a group's values}
    public MemorySegment segment(int group) {
        return values[group];
    }

    /// {@return the memory of a group's scales, if it has any}
    public MemorySegment scaleSegment(int group) {
        return scales[group];
    }

    /// {@return where a group's scales begin}
    public long scalesAt(int group) {
        return scalesAt[group];
    }

    /// {@return scales of a row of blocks}
    long scaleColumns() {
        return scaleColumns;
    }

    /// {@return where a row begins in [#segment], or a panel if packed}
    public long at(int group, long row) {
        return valuesAt[group] + row * rowBytes;
    }

    /// {@return bytes from a row to the next, or from a panel}
    long rowBytes() {
        return rowBytes;
    }

    /// {@return where an element of a row of at least 8 bits an element lies}
    long at(int group, long row, long column) {
        return at(group, row) + column * (format.dtype().bits() / 8);
    }

    /// Decodes a run of a row to floats that lie `step` bytes apart, in element order.
    public void decodeRun(
            int group, long row, int from, int count, MemorySegment out, long outAt, long step) {
        DType type = format.dtype();
        if (scheme == null) {
            Elements.widen(
                    type,
                    values[group],
                    at(group, row, from),
                    type.bits() / 8,
                    count,
                    out,
                    outAt,
                    step);
            return;
        }
        int done = 0;
        while (done < count) {
            int column = from + done;
            int run =
                    Math.min(count - done, scheme.blockColumns() - column % scheme.blockColumns());
            float scale = scale(group, row, column);
            long to = outAt + done * step;
            for (int i = 0; i < run; i++) {
                out.set(Elements.FLOAT, to + i * step, value(type, group, row, column + i) * scale);
            }
            done += run;
        }
    }

    /// Decodes a run of a row into plane order, if [#planes] says that there is more than one;
    /// otherwise in element order.
    ///
    /// @param from a multiple of the elements in a vector of words, like `count`
    /// @param scratch room for the scales of the words at `scalesTo`, and for the floats at `outAt`
    void decodeBlock(
            MatrixLoops loops,
            int group,
            long row,
            int from,
            int count,
            MemorySegment scratch,
            long scalesTo,
            long outAt) {
        if (planes == 1) {
            decodeRun(group, row, from, count, scratch, outAt, Float.BYTES);
            return;
        }
        int words = count / planes;
        spreadScales(group, row, from / planes, words, scratch, scalesTo);
        long at = at(group, row) + (long) from * format.dtype().bits() / 8;
        loops.decode(format.dtype(), values[group], at, scratch, scalesTo, words, scratch, outAt);
    }

    /// {@return the number of a row's band: rows of one band share all scales}
    long scaleBand(long row) {
        return row / Objects.requireNonNull(scheme).blockRows();
    }

    /// Reads the scales of a row's first `columns` columns, one a block.
    void readScales(int group, long row, int columns, float[] out, int outAt) {
        QuantizationScheme blocks = Objects.requireNonNull(scheme);
        DType type = blocks.scales();
        int bytes = type.bits() / 8;
        long at = scalesAt[group] + row / blocks.blockRows() * scaleColumns * bytes;
        int count = Math.ceilDiv(columns, blocks.blockColumns());
        for (int i = 0; i < count; i++) {
            out[outAt + i] = Elements.get(type, scales[group], at + (long) i * bytes);
        }
    }

    private void spreadScales(
            int group, long row, int firstWord, int words, MemorySegment out, long outAt) {
        if (scheme == null) {
            for (int i = 0; i < words; i++) {
                out.set(Elements.FLOAT, outAt + (long) i * Float.BYTES, 1f);
            }
            return;
        }
        DType type = scheme.scales();
        int bytes = type.bits() / 8;
        int wordsPerBlock = scheme.blockColumns() / planes;
        int block = firstWord / wordsPerBlock;
        long at = scalesAt[group] + (row / scheme.blockRows() * scaleColumns + block) * bytes;
        // A word that begins in the middle of a block leaves less of it.
        int end = Math.min(words, (block + 1) * wordsPerBlock - firstWord);
        int done = 0;
        while (done < words) {
            float scale = Elements.get(type, scales[group], at);
            for (int i = done; i < end; i++) {
                out.set(Elements.ALIGNED_FLOAT, outAt + (long) i * Float.BYTES, scale);
            }
            at += bytes;
            done = end;
            end = Math.min(words, end + wordsPerBlock);
        }
    }

    private float scale(int group, long row, int column) {
        QuantizationScheme blocks = Objects.requireNonNull(scheme);
        long index = row / blocks.blockRows() * scaleColumns + column / blocks.blockColumns();
        DType type = blocks.scales();
        return Elements.get(type, scales[group], scalesAt[group] + index * (type.bits() / 8));
    }

    private float value(DType type, int group, long row, int column) {
        return type.isPacked()
                ? Elements.getPacked(type, values[group], at(group, row), column)
                : Elements.get(type, values[group], at(group, row, column));
    }
}
