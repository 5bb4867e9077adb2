package dev.halcyon.tck.verify;

import dev.halcyon.checkpoint.ElementType;
import dev.halcyon.hal.kernel.elementwise.Cast;
import dev.halcyon.hal.kernel.linear.Dequantize;
import dev.halcyon.hal.kernel.linear.Quantize;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.QuantizedTensor;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.tck.fixture.Fixture;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/// Decoding, rounding and block quantization; every comparison is exact.
final class FormatCheck {
    private static final int CODES = 256;
    private static final int FP4_GROUP = 32;
    private static final byte E4M3_ONE = 0x38;
    private static final byte E8M0_ONE = 127;

    private FormatCheck() {}

    static void codeTables(Fixture fixture, Workbench bench, Comparison found) {
        table(fixture, found, "e4m3fn", decoded(bench, DType.F8_E4M3));
        table(fixture, found, "e5m2", decoded(bench, DType.F8_E5M2));
        table(fixture, found, "e8m0fnu", decodedScales(bench));
        table(fixture, found, "e2m1fn", decodedNibbles(bench));
    }

    private static void table(Fixture fixture, Comparison found, String format, double[] decoded) {
        String values = "raw." + format;
        if (fixture.has(values)) {
            found.exact(values, fixture.doubles(values), decoded);
        }
        String bits = values + "_bits";
        if (fixture.has(bits)) {
            double[] expected =
                    Arrays.stream(fixture.ints(bits)).mapToDouble(Float::intBitsToFloat).toArray();
            found.exact(bits, signed(expected), signed(decoded));
        }
    }

    /// Makes a negative zero differ from a positive one.
    private static double[] signed(double[] values) {
        return Arrays.stream(values)
                .map(value -> value == 0 ? Math.copySign(Double.MIN_NORMAL, value) : value)
                .toArray();
    }

    private static double[] decoded(Workbench bench, DType format) {
        Tensor codes = bench.bytes(format, allCodes(), 1, CODES);
        Tensor out = bench.unfilledPlain(DType.F32, 1, CODES);
        bench.run(Cast.of(bench.bound(1), CODES, format, DType.F32), Cast.Args.of(codes, out));
        return bench.read(out);
    }

    /// Scales are never cast, but a value of one times a scale is the scale.
    private static double[] decodedScales(Workbench bench) {
        byte[] ones = new byte[CODES];
        Arrays.fill(ones, E4M3_ONE);
        QuantizationScheme scheme = QuantizationScheme.FP8_BLOCK_128_UE8M0.withBlock(1, 1);
        return dequantized(
                bench,
                new QuantizedTensor(
                        bench.bytes(DType.F8_E4M3, ones, 1, CODES),
                        bench.bytes(DType.F8_E8M0, allCodes(), 1, CODES),
                        scheme),
                DType.F32);
    }

    private static double[] decodedNibbles(Workbench bench) {
        byte[] pairs = new byte[8];
        for (int i = 0; i < pairs.length; i++) {
            pairs[i] = (byte) (2 * i | 2 * i + 1 << 4);
        }
        return dequantized(
                bench,
                new QuantizedTensor(
                        bench.bytes(DType.F4_E2M1, pairs, 1, 16),
                        bench.bytes(DType.F8_E8M0, new byte[] {E8M0_ONE}, 1, 1),
                        QuantizationScheme.FP4_GROUP_32),
                DType.F32);
    }

    private static byte[] allCodes() {
        byte[] codes = new byte[CODES];
        for (int i = 0; i < CODES; i++) {
            codes[i] = (byte) i;
        }
        return codes;
    }

    static void e4m3Round(Fixture fixture, Workbench bench, Comparison found) {
        int[] bits = fixture.ints("in.x_bits");
        int[] codes = unsigned(rounded(bench, bits, DType.F8_E4M3));
        found.exact(
                "out.code_saturating",
                withoutNanPayload(fixture.ints("out.code_saturating"), FormatCheck::isE4m3Nan),
                withoutNanPayload(codes, FormatCheck::isE4m3Nan));
        found.note("out.code_nonsaturating has no operation: Cast saturates");
    }

    static void bf16Round(Fixture fixture, Workbench bench, Comparison found) {
        int[] bits = fixture.ints("in.f32_bits");
        byte[] bytes = rounded(bench, bits, DType.BF16);
        int[] rounded = new int[bits.length];
        for (int i = 0; i < rounded.length; i++) {
            rounded[i] = bytes[2 * i] & 0xff | (bytes[2 * i + 1] & 0xff) << 8;
        }
        int[] expected = fixture.ints("out.bf16_bits");
        found.exact(
                "out.bf16_bits",
                withoutNanPayload(expected, FormatCheck::isBf16Nan),
                withoutNanPayload(rounded, FormatCheck::isBf16Nan));
        found.exact(
                "out.is_nan",
                fixture.ints("out.is_nan"),
                Arrays.stream(rounded).map(code -> isBf16Nan(code) ? 1 : 0).toArray());
    }

    private static byte[] rounded(Workbench bench, int[] bits, DType format) {
        ByteBuffer floats = ByteBuffer.allocate(4 * bits.length).order(ByteOrder.LITTLE_ENDIAN);
        floats.asIntBuffer().put(bits);
        Tensor x = bench.bytes(DType.F32, floats.array(), 1, bits.length);
        Tensor out = bench.arena().tensor(format, 1, bits.length);
        bench.run(Cast.of(bench.bound(1), bits.length, DType.F32, format), Cast.Args.of(x, out));
        return bench.readBytes(out);
    }

    /// The sign and the payload of a NaN mean nothing.
    private static int[] withoutNanPayload(int[] codes, IntPredicate isNan) {
        return Arrays.stream(codes).map(code -> isNan.test(code) ? -1 : code).toArray();
    }

    private static boolean isE4m3Nan(int code) {
        return (code & 0x7f) == 0x7f;
    }

    private static boolean isBf16Nan(int code) {
        return (code & 0x7fff) > 0x7f80;
    }

    static void blockDequant(Fixture fixture, Workbench bench, Comparison found) {
        String weight = fixture.has("w.codes") ? "w.codes" : "w.weight";
        byte[] codes =
                fixture.type(weight) == ElementType.F8_E4M3
                        ? fixture.bytes(weight)
                        : narrowed(fixture.ints(weight));
        int block = fixture.integer("block");
        QuantizedTensor x =
                new QuantizedTensor(
                        bench.bytes(
                                DType.F8_E4M3,
                                codes,
                                fixture.dim(weight, 0),
                                fixture.dim(weight, 1)),
                        bench.tensor(
                                DType.F32,
                                fixture.doubles("w.weight_scale_inv"),
                                fixture.dim("w.weight_scale_inv", 0),
                                fixture.dim("w.weight_scale_inv", 1)),
                        QuantizationScheme.FP8_BLOCK_128.withBlock(block, block));
        bothTypes(fixture, bench, found, x);
    }

    static void activationQuant(Fixture fixture, Workbench bench, Comparison found) {
        boolean powerOfTwo = fixture.says("scale_fmt") && fixture.text("scale_fmt").equals("ue8m0");
        QuantizationScheme scheme =
                (powerOfTwo
                                ? QuantizationScheme.FP8_TOKEN_128_UE8M0
                                : QuantizationScheme.FP8_TOKEN_128)
                        .withBlock(1, fixture.integer("block"));
        quantized(fixture, bench, found, scheme);
        if (powerOfTwo) {
            quantized(fixture, bench, found, scheme.withTypes(DType.F8_E4M3, DType.F8_E8M0));
        }
    }

    private static void quantized(
            Fixture fixture, Workbench bench, Comparison found, QuantizationScheme scheme) {
        int tokens = fixture.dim("in.x", 0);
        int columns = fixture.dim("in.x", 1);
        Tensor x = bench.tensor(DType.F32, fixture.doubles("in.x"), tokens, columns);
        QuantizedTensor out =
                new QuantizedTensor(
                        bench.arena().tensor(scheme.values(), tokens, columns),
                        bench.arena()
                                .tensor(
                                        scheme.scales(),
                                        tokens,
                                        Math.ceilDiv(columns, scheme.blockColumns())),
                        scheme);
        bench.run(
                Quantize.of(bench.bound(tokens), columns, DType.F32, scheme),
                Quantize.Args.of(x, out));
        found.exact(
                "out.codes", fixture.ints("out.codes"), unsigned(bench.readBytes(out.values())));
        found.exact("out.scale", fixture.doubles("out.scale"), bench.read(out.scales()));
        found.exact(
                "out.dequant", fixture.doubles("out.dequant"), dequantized(bench, out, DType.F32));
    }

    static void int4(Fixture fixture, Workbench bench, Comparison found) {
        int rows = fixture.dim("w.weight_packed", 0);
        int columns = 8 * fixture.dim("w.weight_packed", 1);
        QuantizationScheme scheme =
                QuantizationScheme.INT4_GROUP_32.withBlock(1, fixture.integer("group"));
        Tensor values = bench.bytes(DType.I4, fixture.bytes("w.weight_packed"), rows, columns);
        double[] scales = fixture.doubles("w.weight_scale");
        long groups = fixture.dim("w.weight_scale", 1);
        bothTypes(
                fixture,
                bench,
                found,
                new QuantizedTensor(
                        values, bench.tensor(DType.BF16, scales, rows, groups), scheme));
        if (fixture.has("out.q")) {
            double[] ones = new double[scales.length];
            Arrays.fill(ones, 1);
            QuantizedTensor unscaled =
                    new QuantizedTensor(
                            values, bench.tensor(DType.BF16, ones, rows, groups), scheme);
            found.exact("out.q", fixture.doubles("out.q"), dequantized(bench, unscaled, DType.F32));
        }
    }

    static void fp4(Fixture fixture, Workbench bench, Comparison found) {
        int rows = fixture.dim("w.bytes", 0);
        int columns = 2 * fixture.dim("w.bytes", 1);
        QuantizedTensor x =
                new QuantizedTensor(
                        bench.bytes(
                                DType.F4_E2M1, narrowed(fixture.ints("w.bytes")), rows, columns),
                        bench.bytes(
                                DType.F8_E8M0,
                                narrowed(fixture.ints("w.scale_bytes")),
                                rows,
                                fixture.dim("w.scale_bytes", 1)),
                        QuantizationScheme.FP4_GROUP_32.withBlock(1, FP4_GROUP));
        found.exact("out.fp32", fixture.doubles("out.fp32"), dequantized(bench, x, DType.F32));
    }

    private static void bothTypes(
            Fixture fixture, Workbench bench, Comparison found, QuantizedTensor x) {
        found.exact("out.fp32", fixture.doubles("out.fp32"), dequantized(bench, x, DType.F32));
        if (fixture.has("out.bf16")) {
            found.exact("out.bf16", fixture.doubles("out.bf16"), dequantized(bench, x, DType.BF16));
        }
    }

    private static double[] dequantized(Workbench bench, QuantizedTensor x, DType dtype) {
        int rows = Math.toIntExact(x.shape().dim(0));
        int columns = Math.toIntExact(x.shape().dim(1));
        Tensor out = bench.unfilledPlain(dtype, rows, columns);
        bench.run(
                Dequantize.of(bench.bound(rows), columns, x.scheme(), dtype),
                Dequantize.Args.of(x, out));
        return bench.read(out);
    }

    private static byte[] narrowed(int[] codes) {
        byte[] bytes = new byte[codes.length];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) codes[i];
        }
        return bytes;
    }

    private static int[] unsigned(byte[] bytes) {
        return IntStream.range(0, bytes.length).map(i -> bytes[i] & 0xff).toArray();
    }
}
