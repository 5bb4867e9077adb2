package dev.halcyon.backend.cpu.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.halcyon.hal.kernel.elementwise.Cast;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.tck.format.FloatFormat;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.lang.foreign.ValueLayout;
import java.util.Map;
import java.util.function.Supplier;

/// Conversions code by code: widening is exact, narrowing picks the nearest code.
class CastKernelTest {
    private static final Map<DType, FloatFormat> FORMATS =
            Map.of(
                    DType.F16, FloatFormat.F16,
                    DType.BF16, FloatFormat.BF16,
                    DType.F8_E4M3, FloatFormat.E4M3,
                    DType.F8_E5M2, FloatFormat.E5M2);

    private RowBench bench;

    @BeforeEach
    void open() {
        bench = RowBench.open(2);
    }

    @AfterEach
    void close() {
        bench.close();
    }

    private static int code(Tensor tensor, int i) {
        return tensor.dtype().bits() == 16
                ? tensor.segment().getAtIndex(ValueLayout.JAVA_SHORT, i) & 0xffff
                : tensor.segment().get(ValueLayout.JAVA_BYTE, i) & 0xff;
    }

    private Tensor codes(DType dtype, int n, int firstCode) {
        Tensor tensor = bench.empty(dtype, 1, n);
        for (int i = 0; i < n; i++) {
            if (dtype.bits() == 16) {
                tensor.segment().setAtIndex(ValueLayout.JAVA_SHORT, i, (short) (firstCode + i));
            } else {
                tensor.segment().set(ValueLayout.JAVA_BYTE, i, (byte) (firstCode + i));
            }
        }
        return tensor;
    }

    @ParameterizedTest
    @EnumSource(names = {"F16", "BF16", "F8_E4M3", "F8_E5M2"})
    void widensEveryCodeExactly(DType from) {
        FloatFormat format = FORMATS.get(from);
        int n = format.codes();
        for (DType to : new DType[] {DType.F32, DType.F64}) {
            Tensor out = bench.empty(to, 1, n);
            bench.run(Cast.of(1, n, from, to), Cast.Args.of(codes(from, n, 0), out));
            double[] values = bench.read(out);
            for (int code = 0; code < n; code++) {
                int each = code;
                assertEquals(
                        0,
                        Double.compare(format.decode(code), values[code]),
                        () -> "code " + each + " of " + from);
            }
        }
    }

    /// Values between any two neighbouring codes: the middle, which is a tie, and just beside it.
    @ParameterizedTest
    @EnumSource(names = {"F16", "BF16", "F8_E4M3", "F8_E5M2"})
    void narrowsToTheNearestCode(DType to) {
        FloatFormat format = FORMATS.get(to);
        int magnitudes = format.codes() / 2;
        for (DType from : new DType[] {DType.F64, DType.F32}) {
            double[] values = new double[8 * magnitudes];
            for (int i = 0; i < values.length; i++) {
                int code = i / 8;
                double a = format.decode(code);
                double b = format.decode(Math.min(code + 1, magnitudes - 1));
                double middle =
                        Double.isFinite(a) && Double.isFinite(b)
                                ? (a + b) / 2
                                : 2 * format.maxFinite();
                double value =
                        switch (i % 4) {
                            case 0 -> a;
                            case 1 -> middle;
                            case 2 ->
                                    from == DType.F64
                                            ? Math.nextUp(middle)
                                            : Math.nextUp((float) middle);
                            default ->
                                    from == DType.F64
                                            ? Math.nextDown(middle)
                                            : Math.nextDown((float) middle);
                        };
                values[i] = i % 8 < 4 ? value : -value;
            }
            Tensor x = bench.of(from, values, 1, values.length);
            Tensor out = bench.empty(to, 1, values.length);
            bench.run(Cast.of(1, values.length, from, to), Cast.Args.of(x, out));
            FloatFormat.Overflow overflow =
                    to.bits() == 8 ? FloatFormat.Overflow.SATURATE : FloatFormat.Overflow.SPECIAL;
            double[] exact = bench.read(x);
            for (int i = 0; i < values.length; i++) {
                int code = code(out, i);
                double value = exact[i];
                Supplier<String> message = () -> value + " from " + from + " to " + to;
                if (Double.isNaN(value)) {
                    assertEquals(Double.NaN, format.decode(code), message);
                } else {
                    assertEquals(format.encode(value, overflow), code, message);
                }
            }
        }
    }

    @Test
    void roundsF64Once() {
        // Through F32 the first would become the middle of two BF16 numbers, and then the even one
        // below.
        double justAboveMiddle = 1 + 0x1p-8 + 0x1p-40;
        double justBelowMiddle = 1 + 3 * 0x1p-8 - 0x1p-40;
        Tensor x = bench.of(DType.F64, new double[] {justAboveMiddle, justBelowMiddle}, 1, 2);
        Tensor out = bench.empty(DType.BF16, 1, 2);
        bench.run(Cast.of(1, 2, DType.F64, DType.BF16), Cast.Args.of(x, out));
        assertEquals(1 + 0x1p-7, bench.read(out)[0]);
        assertEquals(1 + 0x1p-7, bench.read(out)[1]);
    }

    @Test
    void takesStrides() {
        Tensor x = bench.normalStrided(DType.F32, 3, 41);
        Tensor out = bench.strided(DType.F16, 3, 41);
        bench.run(Cast.of(5, 41, DType.F32, DType.F16), Cast.Args.of(x, out));
        bench.assertClose(bench.read(x), out);
        bench.assertGapsAreNaN(out, 41);
    }

    @Test
    void saturatesInfiniteCodesOfItsOwnType() {
        Tensor out = bench.empty(DType.F8_E5M2, 1, 2);
        bench.run(
                Cast.of(1, 2, DType.F8_E5M2, DType.F8_E5M2),
                Cast.Args.of(codes(DType.F8_E5M2, 2, 0x7b), out));
        assertEquals(0x7b, code(out, 0));
        assertEquals(0x7b, code(out, 1));
    }
}
