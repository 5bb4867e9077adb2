package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.acl.Operator;
import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.Bits;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.linear.Quantize;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.QuantizationScheme.ScaleRule;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// [Quantize]: blocks as two dimensions more, whose largest magnitude becomes the scale; quotients
/// are rounded by table, because the products before the 950 have no type of 8 bits to convert to.
record QuantizeKernel(Platform platform) implements Kernel<Quantize, Quantize.Args, AscendWork> {
    private static final String NAME = "quantize.table";

    /// @param values codes; of 4-bit types the bytes
    private record Views(View x, View values, View scales) {}

    @Override
    public Class<Quantize> specType() {
        return Quantize.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<Quantize.Args, AscendWork> decide(Quantize spec, Limits limits) {
        QuantizationScheme scheme = spec.scheme();
        if (spec.in() == DType.F64) {
            return Decision.refused(
                    Support.Reason.FORMAT,
                    "in is F64, quotients are F32 here",
                    "in of F32, BF16 or F16");
        }
        Decision<Quantize.Args, AscendWork> refusal =
                Composed.refuseBf16(platform, spec.in(), scheme.scales());
        if (refusal != null) {
            return refusal;
        }
        int rows = spec.maxRows();
        View values =
                scheme.values().isPacked()
                        ? View.unbound(AclDataType.UINT8, rows, spec.columns() / 2)
                        : View.unbound(scheme.values(), rows, spec.columns());
        View scales =
                View.unbound(
                        scheme.scales(),
                        scheme.scaleShape(Shape.of(rows, spec.columns())).toArray());
        return Composed.decide(
                platform,
                NAME,
                Composed.rows(DType.F32),
                new Views(View.unbound(spec.in(), rows, spec.columns()), values, scales),
                args ->
                        new Views(
                                View.of(args.x()),
                                scheme.values().isPacked()
                                        ? Bits.of(args.out().values())
                                        : View.of(args.out().values()),
                                View.of(args.out().scales())),
                (c, views) -> {
                    if (views.x().elements() > 0) {
                        compose(c, scheme, views);
                    }
                });
    }

    private static void compose(Composition c, QuantizationScheme scheme, Views views) {
        long rows = views.x().dim(0);
        long columns = views.x().dim(1);
        long down = views.scales().dim(0);
        long across = views.scales().dim(1);
        long height = scheme.blockRows();
        long width = scheme.blockColumns();
        View padded = c.scratch(AclDataType.FLOAT, down * height, across * width);
        if (down * height > rows || across * width > columns) {
            c.fill(padded, 0);
        }
        View inside = padded.slice(0, 0, rows).slice(1, 0, columns);
        c.convert(views.x(), inside);
        View blocks = padded.reshape(down, height, across, width);
        View scale = scales(c, scheme, largestMagnitudes(c, blocks), views.scales());
        c.divideBy(blocks, scale);
        store(c, scheme.values(), inside, views.values());
    }

    /// {@return the largest magnitude of each block, FLOAT `[down, 1, across, 1]`}
    private static View largestMagnitudes(Composition c, View blocks) {
        long down = blocks.dim(0);
        long across = blocks.dim(2);
        View both = c.scratch(AclDataType.FLOAT, 2, down, 1, across, 1);
        largest(c, blocks, both.get(0));
        long mark = c.mark();
        View negative = c.scratch(AclDataType.FLOAT, blocks.dims());
        c.multiply(blocks, -1, negative);
        largest(c, negative, both.get(1));
        c.release(mark);
        View magnitudes = c.scratch(AclDataType.FLOAT, 1, down, 1, across, 1);
        c.call(Operator.AMAX, both, new long[] {0}, true, magnitudes);
        return magnitudes.get(0);
    }

    private static void largest(Composition c, View blocks, View out) {
        c.call(Operator.AMAX, blocks, new long[] {1, 3}, true, out);
    }

    /// Stores the scales and returns them as stored, FLOAT.
    private static View scales(
            Composition c, QuantizationScheme scheme, View magnitudes, View out) {
        float floor = (float) Quantize.floor(scheme.values());
        float largest = (float) Quantize.largest(scheme.values());
        View tooSmall = c.scratch(AclDataType.FLOAT, magnitudes.dims());
        c.convert(c.greater(magnitudes, floor), tooSmall);
        c.fillWhere(magnitudes, c.equal(tooSmall, 0), floor);
        // A quotient by a tensor, for one by a scalar may be a product with its reciprocal.
        c.divideBy(magnitudes, c.table("largest " + largest, new float[] {largest}));
        View exact = magnitudes;
        View codes = null;
        if (scheme.rule() == ScaleRule.POWER_OF_TWO) {
            codes = SmallFloats.encode(c, DType.F8_E8M0, magnitudes);
            exact = SmallFloats.decode(c, DType.F8_E8M0, codes);
        }
        if (scheme.scales() == DType.F8_E8M0 && codes != null) {
            c.convert(codes.reshape(out.dims()), out);
            return exact;
        }
        c.convert(exact.reshape(out.dims()), out);
        View stored = c.scratch(AclDataType.FLOAT, out.dims());
        c.convert(out, stored);
        return stored.reshape(magnitudes.dims());
    }

    private static void store(Composition c, DType dtype, View quotients, View out) {
        View codes = SmallFloats.encode(c, dtype, quotients);
        if (!dtype.isPacked()) {
            c.convert(codes, out);
            return;
        }
        long rows = codes.dim(0);
        View pairs = c.scratch(AclDataType.INT32, rows, codes.dim(1) / 2, 2);
        c.convert(codes, pairs.reshape(codes.dims()));
        View bytes = c.scratch(AclDataType.INT32, rows, codes.dim(1) / 2, 1);
        c.multiply(pairs.slice(2, 1, 2), 16, bytes);
        c.addTo(bytes, pairs.slice(2, 0, 1), 1);
        c.convert(bytes.reshape(out.dims()), out);
    }
}
