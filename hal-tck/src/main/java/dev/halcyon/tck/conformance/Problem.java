package dev.halcyon.tck.conformance;

import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.memory.CacheFormat;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.WeightFormat;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.ToDoubleFunction;

/// One launch to be made: the spec, every operand, and how close the result must be.
final class Problem {
    private final KernelSpec<?> spec;
    private final List<Slot> slots;
    private final ToDoubleFunction<DType> tolerance;
    private final boolean faulty;
    private final List<String> perRow;
    private final boolean divisible;
    private final double terms;

    private Problem(Builder builder) {
        this.spec = builder.spec;
        this.slots = List.copyOf(builder.slots);
        this.tolerance = builder.tolerance;
        this.faulty = builder.faulty;
        this.perRow = List.copyOf(builder.perRow);
        this.divisible = builder.divisible;
        this.terms = builder.terms;
    }

    static Builder of(KernelSpec<?> spec, Setting setting) {
        return new Builder(spec, setting);
    }

    KernelSpec<?> spec() {
        return spec;
    }

    List<Slot> slots() {
        return slots;
    }

    /// What is let through in a result of that type; 0 asks for the very value.
    double tolerance(DType stored) {
        return stored.isFloatingPoint() ? tolerance.applyAsDouble(stored) : 0;
    }

    /// Whether an index is bad on purpose, so that the stream must fail.
    boolean isFaulty() {
        return faulty;
    }

    /// Written operands whose leading dimension is the rows of the setting.
    List<String> perRow() {
        return perRow;
    }

    /// The magnitude of terms whose sum may be nearly nothing; an error is never measured against
    /// less.
    double terms() {
        return terms;
    }

    /// Whether the recipe makes sense for fewer rows.
    boolean isDivisible() {
        return divisible;
    }

    /// Collects operands.
    static final class Builder {
        private final KernelSpec<?> spec;
        private final Setting setting;
        private final List<Slot> slots = new ArrayList<>();
        private final List<String> perRow = new ArrayList<>();
        private ToDoubleFunction<DType> tolerance = stored -> Tolerance.of(stored, DType.F32, 1);
        private boolean faulty;
        private boolean divisible = true;
        private double terms;

        private Builder(KernelSpec<?> spec, Setting setting) {
            this.spec = spec;
            this.setting = setting;
        }

        /// A tensor with a row for each row of the setting; dead rows are NaN.
        Builder rows(String name, DType dtype, double[] values, long... rowDims) {
            long[] dims = dims(rowDims);
            return add(new Slot.Plain(name, dtype, dims, padded(values, dims, Double.NaN), true));
        }

        /// Whole numbers with a row for each row of the setting; dead rows hold `dead`.
        Builder intRows(String name, int[] values, int dead, long... rowDims) {
            long[] dims = dims(rowDims);
            double[] wide = Arrays.stream(values).asDoubleStream().toArray();
            return add(
                    new Slot.Plain(
                            name, DType.I32, dims, padded(wide, dims, dead), rowDims.length > 0));
        }

        /// As [#intRows], in the tensor of a step input.
        Builder steppedRows(String name, int[] values, int dead, long... rowDims) {
            long[] dims = dims(rowDims);
            double[] wide = Arrays.stream(values).asDoubleStream().toArray();
            return stepped(name, padded(wide, dims, dead), dims);
        }

        /// As [#ints], in the tensor of a step input.
        Builder steppedInts(String name, int[] values) {
            return stepped(name, Arrays.stream(values).asDoubleStream().toArray(), values.length);
        }

        private Builder stepped(String name, double[] values, long... dims) {
            Slot.Plain content = new Slot.Plain(name, DType.I32, dims, values, false);
            return add(new Slot.Stepped(name, content));
        }

        /// A written tensor with a row for each row of the setting.
        Builder outRows(String name, DType dtype, long... rowDims) {
            perRow.add(name);
            return add(new Slot.Plain(name, dtype, dims(rowDims), null, rowDims.length > 0));
        }

        /// A written tensor without gaps with a row for each row of the setting.
        Builder outDenseRows(String name, DType dtype, long... rowDims) {
            perRow.add(name);
            return add(new Slot.Plain(name, dtype, dims(rowDims), null, false));
        }

        /// A tensor without gaps that has nothing to do with the rows of the setting.
        Builder plain(String name, DType dtype, double[] values, long... dims) {
            return add(new Slot.Plain(name, dtype, dims, values, false));
        }

        Builder ints(String name, int[] values, long... dims) {
            return plain(name, DType.I32, Arrays.stream(values).asDoubleStream().toArray(), dims);
        }

        /// A tensor whose rows may have gaps, and that has nothing to do with the rows of the
        /// setting.
        Builder strided(String name, DType dtype, double[] values, long... dims) {
            return add(new Slot.Plain(name, dtype, dims, values, true));
        }

        /// A written tensor without gaps.
        Builder out(String name, DType dtype, long... dims) {
            return add(new Slot.Plain(name, dtype, dims, null, false));
        }

        /// A written tensor whose rows may have gaps.
        Builder outStrided(String name, DType dtype, long... dims) {
            return add(new Slot.Plain(name, dtype, dims, null, true));
        }

        /// The number of live rows, in a bounded setting.
        Builder active() {
            return setting.isBounded() ? ints("activeRows", new int[] {setting.live()}, 1) : this;
        }

        /// As [#active], in the tensor of a step input.
        Builder steppedActive() {
            return setting.isBounded()
                    ? stepped("activeRows", new double[] {setting.live()}, 1)
                    : this;
        }

        /// A matrix, or a stack of them, in whatever format the spec asks for.
        ///
        /// Block-scaled ones are made of the values' codes nearest to `values` and of scales
        /// between a half and two.
        Builder weight(String name, WeightFormat format, double[] values, long... dims) {
            if (!format.isRowMajor()) {
                Slot.Plain rowMajor = new Slot.Plain(name, format.dtype(), dims, values, false);
                return add(new Slot.Packed(name, rowMajor, format));
            }
            int matrices = format.isListed() ? Math.toIntExact(dims[0]) : 1;
            long[] each = format.isListed() ? Arrays.copyOfRange(dims, 1, dims.length) : dims;
            List<Slot.Plain> parts = new ArrayList<>();
            for (int i = 0; i < matrices; i++) {
                int size = values.length / matrices;
                double[] part = Arrays.copyOfRange(values, i * size, (i + 1) * size);
                parts.add(new Slot.Plain(name, format.dtype(), each, part, false));
            }
            if (format.scheme().isPresent()) {
                QuantizationScheme scheme = format.scheme().get();
                return add(
                        new Slot.Scaled(
                                name,
                                scheme,
                                parts.stream()
                                        .map(
                                                part ->
                                                        new Slot.Scaled.Parts(
                                                                part, scales(part, scheme)))
                                        .toList(),
                                format.isListed()));
            }
            return add(format.isListed() ? new Slot.Listed(name, parts) : parts.getFirst());
        }

        private Slot.Plain scales(Slot.Plain values, QuantizationScheme scheme) {
            Shape shape = scheme.scaleShape(Shape.of(values.dims()));
            double[] scales = setting.uniform(values.name() + ".scales", shape.elements(), 0.5, 2);
            return new Slot.Plain(values.name(), scheme.scales(), shape.toArray(), scales, false);
        }

        /// A written block-scaled matrix.
        Builder outScaled(String name, QuantizationScheme scheme, long rows, long columns) {
            long[] scaleDims = scheme.scaleShape(Shape.of(rows, columns)).toArray();
            Slot.Scaled.Parts parts =
                    new Slot.Scaled.Parts(
                            new Slot.Plain(
                                    name, scheme.values(), new long[] {rows, columns}, null, false),
                            new Slot.Plain(name, scheme.scales(), scaleDims, null, false));
            return add(new Slot.Scaled(name, scheme, List.of(parts), false));
        }

        /// A written matrix, or a stack of them, in whatever format the spec asks for.
        Builder outWeight(String name, WeightFormat format, long... dims) {
            if (!format.isListed()) {
                return out(name, format.dtype(), dims);
            }
            long[] each = Arrays.copyOfRange(dims, 1, dims.length);
            List<Slot.Plain> parts = new ArrayList<>();
            for (int i = 0; i < dims[0]; i++) {
                parts.add(new Slot.Plain(name, format.dtype(), each, null, false));
            }
            return add(new Slot.Listed(name, parts));
        }

        /// Pages of a cache; rows that no sequence has are NaN in `rows`.
        Builder cache(CacheFormat format, int pages, double[] rows) {
            long[] dims = {pages, format.rowsPerPage(), format.rowDim()};
            return add(
                    new Slot.Pages(
                            "cache",
                            format,
                            new Slot.Plain("cache", format.dtype(), dims, rows, false)));
        }

        /// Makes an operand the very memory of another.
        Builder same(String name, String other) {
            return add(new Slot.Same(name, other));
        }

        private Builder add(Slot slot) {
            slots.add(slot);
            return this;
        }

        /// Says how large the terms are that may cancel, which matters where a tensor has few
        /// elements.
        Builder terms(double magnitude) {
            terms = magnitude;
            return this;
        }

        /// Lets through what sums of `length` terms in `accumulate` need.
        Builder sums(DType accumulate, long length) {
            tolerance = stored -> Tolerance.of(stored, accumulate, length);
            return this;
        }

        /// Lets through what a chain needs: `stages` sums of `length` terms, each result stored as
        /// `between`.
        Builder chain(DType accumulate, long length, DType between, int stages) {
            tolerance =
                    stored ->
                            Tolerance.of(stored, accumulate, length)
                                    + stages * Tolerance.of(between, accumulate, length);
            return this;
        }

        /// Asks for the very values.
        Builder exact() {
            tolerance = stored -> 0;
            return this;
        }

        /// Asks for the values rounded once to `dtype`.
        Builder exactTo(DType dtype) {
            tolerance = stored -> Tolerance.unit(dtype);
            return this;
        }

        /// Names written operands that grow with the rows of the setting though their leading
        /// dimension is a multiple.
        Builder perRow(String... names) {
            perRow.addAll(List.of(names));
            return this;
        }

        /// Says that an index is bad on purpose.
        Builder faulty() {
            faulty = true;
            return this;
        }

        /// Says that the number of rows is what it is: other operands refer to all of them.
        Builder whole() {
            divisible = false;
            return this;
        }

        Problem build() {
            return new Problem(this);
        }

        private long[] dims(long... rowDims) {
            long[] dims = new long[rowDims.length + 1];
            dims[0] = setting.rows();
            System.arraycopy(rowDims, 0, dims, 1, rowDims.length);
            return dims;
        }

        private static double[] padded(double[] values, long[] dims, double dead) {
            double[] all = Arrays.copyOf(values, Math.toIntExact(Shape.of(dims).elements()));
            Arrays.fill(all, values.length, all.length, dead);
            return all;
        }
    }

    /// The slot of that name, or null.
    @Nullable Slot slot(String name) {
        return slots.stream().filter(slot -> slot.name().equals(name)).findFirst().orElse(null);
    }
}
