package dev.halcyon.backend.cpu.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import dev.halcyon.hal.Support;
import dev.halcyon.hal.host.HostElements;
import dev.halcyon.hal.kernel.linear.Dequantize;
import dev.halcyon.hal.kernel.linear.Quantize;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.QuantizationScheme.ScaleRule;
import dev.halcyon.hal.memory.QuantizedTensor;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.tck.fixture.Fixture;
import dev.halcyon.tck.fixture.FixtureSet;
import dev.halcyon.tck.format.BlockScales;
import dev.halcyon.tck.format.BlockScheme;
import dev.halcyon.tck.format.BlockValues;
import dev.halcyon.tck.format.QuantizedValues;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/// Quantization both ways, bit for bit against the oracle and against what the models' own code
/// made.
class QuantizeKernelTest {
    private static final FixtureSet FIXTURES = FixtureSet.bundled();

    private MatrixBench bench;

    @BeforeEach
    void open() {
        bench = MatrixBench.open(2);
    }

    @AfterEach
    void close() {
        bench.close();
    }

    private static BlockScheme oracle(QuantizationScheme scheme) {
        BlockValues values =
                switch (scheme.values()) {
                    case F8_E4M3 -> BlockValues.E4M3;
                    case F8_E5M2 -> BlockValues.E5M2;
                    case F4_E2M1 -> BlockValues.E2M1;
                    default -> BlockValues.INT4;
                };
        BlockScales scales =
                switch (scheme.scales()) {
                    case F32 -> BlockScales.F32;
                    case BF16 -> BlockScales.BF16;
                    case F16 -> BlockScales.F16;
                    default -> BlockScales.E8M0;
                };
        return new BlockScheme(
                values,
                scales,
                scheme.blockRows(),
                scheme.blockColumns(),
                scheme.rule() == ScaleRule.LINEAR
                        ? dev.halcyon.tck.format.ScaleRule.LINEAR
                        : dev.halcyon.tck.format.ScaleRule.POWER_OF_TWO);
    }

    private QuantizedTensor empty(QuantizationScheme scheme, long rows, long columns) {
        Tensor values = bench.arena().tensor(scheme.values(), rows, columns);
        Tensor scales = bench.arena().tensor(scheme.scales(), scheme.scaleShape(values.shape()));
        values.segment().fill((byte) 0x55);
        return new QuantizedTensor(values, scales, scheme);
    }

    private static int code(Tensor values, long index) {
        MemorySegment memory = values.segment();
        if (!values.dtype().isPacked()) {
            return memory.get(ValueLayout.JAVA_BYTE, index) & 0xff;
        }
        return memory.get(ValueLayout.JAVA_BYTE, index / 2) >> (index % 2 == 0 ? 0 : 4) & 0xf;
    }

    private void checkAgainstOracle(QuantizationScheme scheme, Tensor x) {
        int rows = (int) x.dim(0);
        int columns = (int) x.dim(1);
        double[] plain = new double[rows * columns];
        for (int i = 0; i < plain.length; i++) {
            plain[i] = MatrixBench.at(x, 0, i / columns, i % columns);
        }
        QuantizedTensor out = empty(scheme, rows, columns);
        bench.run(Quantize.of(rows + 3, columns, x.dtype(), scheme), Quantize.Args.of(x, out));
        QuantizedValues wanted = oracle(scheme).quantize(plain, rows, columns);
        for (int i = 0; i < wanted.scales().length; i++) {
            assertEquals(
                    wanted.scales()[i],
                    HostElements.get(out.scales().segment(), scheme.scales(), i),
                    scheme + " scale " + i);
        }
        for (int i = 0; i < plain.length; i++) {
            assertEquals(
                    wanted.codes()[i],
                    code(out.values(), i),
                    scheme + " code " + i + " of " + plain[i]);
        }
        double[] back = oracle(scheme).dequantize(wanted, rows, columns);
        Tensor wide = bench.arena().tensor(DType.F32, rows, columns);
        Tensor narrow = bench.randomStrided(DType.BF16, rows, columns);
        bench.run(Dequantize.of(rows, columns, scheme, DType.F32), Dequantize.Args.of(out, wide));
        bench.run(
                Dequantize.of(rows, columns, scheme, DType.BF16), Dequantize.Args.of(out, narrow));
        Tensor rounded = bench.arena().tensor(DType.BF16, 1, 1);
        for (int i = 0; i < plain.length; i++) {
            assertEquals(
                    (float) back[i], (float) MatrixBench.at(wide, 0, i / columns, i % columns));
            HostElements.set(rounded.segment(), DType.BF16, 0, (float) back[i]);
            assertEquals(
                    MatrixBench.at(rounded, 0, 0, 0),
                    MatrixBench.at(narrow, 0, i / columns, i % columns));
        }
    }

    @Test
    void agreesWithTheOracleForEverySchemeAndBlock() {
        List<QuantizationScheme> schemes =
                List.of(
                        QuantizationScheme.FP8_BLOCK_128,
                        QuantizationScheme.FP8_BLOCK_128_UE8M0,
                        QuantizationScheme.FP8_TOKEN_128,
                        QuantizationScheme.FP8_TOKEN_128_UE8M0,
                        QuantizationScheme.FP4_GROUP_32,
                        QuantizationScheme.INT4_GROUP_32,
                        QuantizationScheme.FP8_TOKEN_128.withTypes(DType.F8_E5M2, DType.BF16),
                        QuantizationScheme.INT4_GROUP_32.withTypes(DType.I4, DType.F32),
                        QuantizationScheme.FP4_GROUP_32.withTypes(DType.F4_E2M1, DType.F32),
                        QuantizationScheme.INT4_GROUP_32.withBlock(3, 5),
                        QuantizationScheme.INT4_GROUP_32.withBlock(1, 11),
                        QuantizationScheme.FP4_GROUP_32.withBlock(4, 1),
                        QuantizationScheme.FP8_BLOCK_128.withBlock(2, 7),
                        QuantizationScheme.FP8_BLOCK_128.withBlock(
                                Integer.MAX_VALUE, Integer.MAX_VALUE));
        for (QuantizationScheme scheme : schemes) {
            for (DType in : List.of(DType.F32, DType.BF16, DType.F16)) {
                checkAgainstOracle(scheme, bench.random(in, 1, 2));
                checkAgainstOracle(scheme, bench.randomStrided(in, 7, 300));
            }
            checkAgainstOracle(scheme, bench.random(DType.F32, 130, 140));
            checkAgainstOracle(scheme, bench.random(DType.F32, 1, 9000));
            Tensor zero = bench.random(DType.F32, 2, 64);
            bench.fill(zero, 0);
            checkAgainstOracle(scheme, zero);
        }
    }

    @Test
    void acceptsNoRows() {
        QuantizationScheme scheme = QuantizationScheme.FP8_TOKEN_128;
        QuantizedTensor out = empty(scheme, 0, 128);
        bench.run(
                Quantize.of(4, 128, DType.F32, scheme),
                Quantize.Args.of(bench.random(DType.F32, 0, 128), out));
        bench.run(
                Dequantize.of(4, 128, scheme, DType.F32),
                Dequantize.Args.of(out, bench.random(DType.F32, 0, 128)));
    }

    @Test
    void keepsABlockThatIsNotANumberToItself() {
        for (QuantizationScheme scheme :
                List.of(
                        QuantizationScheme.FP8_TOKEN_128,
                        QuantizationScheme.FP4_GROUP_32,
                        QuantizationScheme.INT4_GROUP_32)) {
            Tensor x = bench.random(DType.F32, 1, 256);
            QuantizedTensor clean = empty(scheme, 1, 256);
            QuantizedTensor spoilt = empty(scheme, 1, 256);
            Quantize spec = Quantize.of(1, 256, DType.F32, scheme);
            bench.run(spec, Quantize.Args.of(x, clean));
            x.segment().setAtIndex(ValueLayout.JAVA_FLOAT, 3, Float.NaN);
            x.segment().setAtIndex(ValueLayout.JAVA_FLOAT, 5, Float.NEGATIVE_INFINITY);
            bench.run(spec, Quantize.Args.of(x, spoilt));
            for (int i = 128; i < 256; i++) {
                assertEquals(code(clean.values(), i), code(spoilt.values(), i));
            }
        }
    }

    @Test
    void declinesDoubles() {
        Support in =
                bench.device()
                        .supports(Quantize.of(1, 8, DType.F64, QuantizationScheme.FP8_TOKEN_128));
        Support out =
                bench.device()
                        .supports(Dequantize.of(1, 8, QuantizationScheme.FP8_TOKEN_128, DType.F64));
        for (Support support : List.of(in, out)) {
            assertEquals(
                    Support.Reason.FORMAT,
                    assertInstanceOf(Support.Declined.class, support).reason());
        }
    }

    private Tensor f32(Fixture fixture, String name) {
        int[] shape = fixture.shape(name);
        double[] values = fixture.doubles(name);
        Tensor tensor = bench.arena().tensor(DType.F32, shape[0], shape[1]);
        for (int i = 0; i < values.length; i++) {
            tensor.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) values[i]);
        }
        return tensor;
    }

    private Tensor scales(Fixture fixture, String name, DType type) {
        Tensor wide = f32(fixture, name);
        Tensor tensor = bench.arena().tensor(type, wide.shape());
        for (long i = 0; i < wide.elements(); i++) {
            HostElements.set(
                    tensor.segment(), type, i, HostElements.get(wide.segment(), DType.F32, i));
        }
        return tensor;
    }

    private Tensor bytes(DType type, int[] codes, long rows, long columns) {
        Tensor tensor = bench.arena().tensor(type, rows, columns);
        assertEquals(tensor.byteSize(), codes.length);
        for (int i = 0; i < codes.length; i++) {
            tensor.segment().set(ValueLayout.JAVA_BYTE, i, (byte) codes[i]);
        }
        return tensor;
    }

    /// Bit for bit, but for the payload of a NaN.
    private void checkDequantized(Fixture fixture, QuantizedTensor x, String name, DType type) {
        Tensor out = bench.arena().tensor(type, x.shape());
        int rows = (int) x.shape().dim(0);
        int columns = (int) x.shape().dim(1);
        bench.run(Dequantize.of(rows, columns, x.scheme(), type), Dequantize.Args.of(x, out));
        double[] wanted = fixture.doubles(name);
        double[] got = new double[wanted.length];
        for (int i = 0; i < got.length; i++) {
            got[i] = HostElements.get(out.segment(), type, i);
        }
        assertArrayEquals(wanted, got, fixture.name());
    }

    @Test
    void dequantizesFp8LikeTheReference() {
        for (String name :
                List.of(
                        "h04_fp8_dequant_128",
                        "h05_fp8_dequant_partial",
                        "h06_fp8_dequant_f8dtype")) {
            Fixture fixture = FIXTURES.named(name);
            int rows = fixture.integer("rows");
            int columns = fixture.integer("cols");
            Tensor values;
            if (fixture.has("w.codes")) {
                values = bytes(DType.F8_E4M3, fixture.ints("w.codes"), rows, columns);
            } else {
                values = bench.arena().tensor(DType.F8_E4M3, rows, columns);
                values.segment().copyFrom(MemorySegment.ofArray(fixture.bytes("w.weight")));
            }
            QuantizedTensor x =
                    new QuantizedTensor(
                            values,
                            f32(fixture, "w.weight_scale_inv"),
                            QuantizationScheme.FP8_BLOCK_128);
            checkDequantized(fixture, x, "out.fp32", DType.F32);
            checkDequantized(fixture, x, "out.bf16", DType.BF16);
        }
    }

    @Test
    void dequantizesFourBitsLikeTheReference() {
        for (String name : List.of("h09_int4", "h10_int4_wide")) {
            Fixture fixture = FIXTURES.named(name);
            int rows = fixture.integer("rows");
            int columns = fixture.integer("cols");
            Tensor values = bench.arena().tensor(DType.I4, rows, columns);
            int[] words = fixture.ints("w.weight_packed");
            for (int i = 0; i < words.length; i++) {
                values.segment().setAtIndex(ValueLayout.JAVA_INT, i, words[i]);
            }
            QuantizedTensor x =
                    new QuantizedTensor(
                            values,
                            scales(fixture, "w.weight_scale", DType.BF16),
                            QuantizationScheme.INT4_GROUP_32);
            checkDequantized(fixture, x, "out.fp32", DType.F32);
            checkDequantized(fixture, x, "out.bf16", DType.BF16);
        }
        Fixture fixture = FIXTURES.named("h11_fp4");
        int rows = fixture.integer("rows");
        int columns = fixture.integer("cols");
        int[] scaleBytes = fixture.ints("w.scale_bytes");
        QuantizedTensor x =
                new QuantizedTensor(
                        bytes(DType.F4_E2M1, fixture.ints("w.bytes"), rows, columns),
                        bytes(DType.F8_E8M0, scaleBytes, rows, scaleBytes.length / rows),
                        QuantizationScheme.FP4_GROUP_32);
        checkDequantized(fixture, x, "out.fp32", DType.F32);
    }

    @Test
    void quantizesActivationsLikeTheReference() {
        for (String name : List.of("h07_act_quant", "h08_act_quant_ue8m0")) {
            Fixture fixture = FIXTURES.named(name);
            QuantizationScheme scheme =
                    name.endsWith("ue8m0")
                            ? QuantizationScheme.FP8_TOKEN_128_UE8M0
                            : QuantizationScheme.FP8_TOKEN_128;
            Tensor x = f32(fixture, "in.x");
            QuantizedTensor out = empty(scheme, x.dim(0), x.dim(1));
            bench.run(
                    Quantize.of((int) x.dim(0), (int) x.dim(1), DType.F32, scheme),
                    Quantize.Args.of(x, out));
            int[] codes = fixture.ints("out.codes");
            for (int i = 0; i < codes.length; i++) {
                assertEquals(codes[i], code(out.values(), i), name + " code " + i);
            }
            double[] scales = fixture.doubles("out.scale");
            for (int i = 0; i < scales.length; i++) {
                assertEquals(
                        scales[i],
                        HostElements.get(out.scales().segment(), DType.F32, i),
                        name + " scale " + i);
            }
            checkDequantized(fixture, out, "out.dequant", DType.F32);
        }
    }
}
