package dev.halcyon.bench.suite;

import dev.halcyon.hal.kernel.linear.PackWeight;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.PackedTensor;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.QuantizedTensor;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.WeightFormat;

import java.util.SplittableRandom;

/// Random weights of one shape, each in the format that the device likes best.
final class Weights {
    private final Site site;
    private final Shape shape;
    private final WeightFormat stored;
    private final WeightFormat preferred;
    private final Operand scratch;

    private Weights(Site site, Shape shape, WeightFormat stored, Operand scratch) {
        this.site = site;
        this.shape = shape;
        this.stored = stored;
        this.preferred = site.device().preferred(shape, stored);
        this.scratch = scratch;
    }

    /// {@return plain weights of that type}
    static Weights plain(Site site, DType dtype, long rows, long columns) {
        Shape shape = Shape.of(rows, columns);
        return new Weights(
                site, shape, WeightFormat.rowMajor(dtype), site.arena().tensor(dtype, shape));
    }

    /// {@return block-scaled weights}
    static Weights scaled(Site site, QuantizationScheme scheme, long rows, long columns) {
        Shape shape = Shape.of(rows, columns);
        return new Weights(
                site, shape, WeightFormat.rowMajor(scheme), quantized(site, scheme, shape));
    }

    private static QuantizedTensor quantized(Site site, QuantizationScheme scheme, Shape shape) {
        return new QuantizedTensor(
                site.arena().tensor(scheme.values(), shape),
                site.arena().tensor(scheme.scales(), scheme.scaleShape(shape)),
                scheme);
    }

    WeightFormat format() {
        return preferred;
    }

    /// {@return a plain weight of [dev.halcyon.bench.data.RandomBits]}
    Operand make(long seed, int exponent) {
        Tensor plain =
                preferred.equals(stored)
                        ? site.arena().tensor(stored.dtype(), shape)
                        : (Tensor) scratch;
        site.refill(plain, seed, exponent);
        return packed(plain);
    }

    /// {@return a block-scaled weight: values of magnitude 1 to 2, and positive scales}
    Operand makeScaled(long seed, long scaleSeed, int exponent) {
        QuantizedTensor scaled =
                preferred.equals(stored)
                        ? quantized(site, stored.scheme().orElseThrow(), shape)
                        : (QuantizedTensor) scratch;
        site.refill(scaled.values(), seed, 0);
        site.stream()
                .write(scaled.scales(), scales(scaled.scales().elements(), scaleSeed, exponent));
        return packed(scaled);
    }

    /// {@return positive factors of magnitude `2^exponent` to twice that, in row-major order}
    static float[] scales(long count, long seed, int exponent) {
        SplittableRandom random = new SplittableRandom(seed);
        float[] scales = new float[Math.toIntExact(count)];
        for (int i = 0; i < scales.length; i++) {
            scales[i] = Math.scalb(1 + random.nextInt(1 << 10) * 0x1p-10f, exponent);
        }
        return scales;
    }

    private Operand packed(Operand plain) {
        if (preferred.equals(stored)) {
            return plain;
        }
        PackedTensor packed = site.device().allocatePacked(site.arena(), shape, preferred);
        int rows = Math.toIntExact(shape.dim(0));
        int columns = Math.toIntExact(shape.dim(1));
        site.stream()
                .run(
                        PackWeight.matrix(rows, columns, stored, preferred),
                        PackWeight.Args.of(plain, packed));
        return packed;
    }
}
