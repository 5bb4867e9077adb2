package dev.halcyon.backend.cuda.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.backend.cuda.StubLibrary;
import dev.halcyon.backend.cuda.StubProvider;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.host.HostElements;
import dev.halcyon.hal.kernel.elementwise.Cast;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/// The conversions of `native/cuda/formats.cuh`, every code and every middle between two codes,
/// against hal-api's own.
class FormatsTest {
    private static final int COLUMNS = 1 << 10;

    private final StubLibrary stub = StubLibrary.withKernelsOrSkip();

    @BeforeEach
    void resetStub() {
        stub.reset();
    }

    @ParameterizedTest
    @EnumSource(names = {"F16", "BF16", "F8_E4M3", "F8_E5M2"})
    void readsEveryCode(DType dtype) {
        int codes = 1 << dtype.bits();
        MemorySegment all = MemorySegment.ofArray(new byte[codes * dtype.bits() / 8]);
        for (int code = 0; code < codes; code++) {
            setCode(all, dtype, code);
        }
        for (DType wide : List.of(DType.F64, DType.F32)) {
            MemorySegment read = cast(all, codes, dtype, wide);
            for (int code = 0; code < codes; code++) {
                double wanted = HostElements.get(all, dtype, code);
                double got = HostElements.get(read, wide, code);
                assertTrue(
                        Double.isNaN(wanted)
                                ? Double.isNaN(got)
                                : Double.doubleToRawLongBits(wanted)
                                        == Double.doubleToRawLongBits(got),
                        () -> dtype + " reads wrongly: wanted " + wanted + ", got " + got);
            }
        }
    }

    private static void setCode(MemorySegment all, DType dtype, int code) {
        if (dtype.bits() == 8) {
            all.set(ValueLayout.JAVA_BYTE, code, (byte) code);
        } else {
            all.set(ValueLayout.JAVA_SHORT_UNALIGNED, 2L * code, (short) code);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"F16", "BF16", "F8_E4M3", "F8_E5M2"})
    void roundsEveryMiddle(DType dtype) {
        List<Double> values = new ArrayList<>(List.of(0.0, -0.0, Double.NaN, 1e300, -1e-300));
        values.add(Double.POSITIVE_INFINITY);
        values.add(Double.NEGATIVE_INFINITY);
        double[] codes = finiteValues(dtype);
        for (int i = 0; i + 1 < codes.length; i++) {
            double middle = (codes[i] + codes[i + 1]) / 2;
            for (double value :
                    new double[] {codes[i], middle, Math.nextUp(middle), Math.nextDown(middle)}) {
                values.add(value);
                values.add(-value);
            }
        }
        double last = codes[codes.length - 1];
        double step = last - codes[codes.length - 2];
        for (double beyond : new double[] {0.25, 0.5, 0.75, 1, 3}) {
            values.add(last + beyond * step);
        }
        for (DType wide : List.of(DType.F64, DType.F32)) {
            round(values, wide, dtype);
        }
    }

    private static double[] finiteValues(DType dtype) {
        int codes = 1 << dtype.bits() - 1;
        MemorySegment one = MemorySegment.ofArray(new byte[2 * codes]);
        List<Double> finite = new ArrayList<>();
        for (int code = 0; code < codes; code++) {
            setCode(one, dtype, code);
            double value = HostElements.get(one, dtype, code);
            if (Double.isFinite(value)) {
                finite.add(value);
            }
        }
        return finite.stream().mapToDouble(Double::doubleValue).toArray();
    }

    private void round(List<Double> values, DType from, DType to) {
        int count = values.size();
        MemorySegment source = MemorySegment.ofArray(new byte[count * from.bits() / 8]);
        MemorySegment wanted = MemorySegment.ofArray(new byte[count * to.bits() / 8]);
        for (int i = 0; i < count; i++) {
            HostElements.set(source, from, i, values.get(i));
            HostElements.set(wanted, to, i, HostElements.get(source, from, i));
        }
        MemorySegment got = cast(source, count, from, to);
        for (int i = 0; i < count; i++) {
            double want = HostElements.get(wanted, to, i);
            double have = HostElements.get(got, to, i);
            double value = HostElements.get(source, from, i);
            if (Double.isNaN(want) && Double.isNaN(have)) {
                continue;
            }
            assertEquals(
                    Double.doubleToRawLongBits(want),
                    Double.doubleToRawLongBits(have),
                    () -> from + " " + value + " to " + to + ": wanted " + want + ", got " + have);
        }
    }

    private static MemorySegment cast(MemorySegment source, int count, DType from, DType to) {
        int rows = Math.ceilDiv(count, COLUMNS);
        MemorySegment padded = MemorySegment.ofArray(new byte[rows * COLUMNS * from.bits() / 8]);
        MemorySegment.copy(source, 0, padded, 0, source.byteSize());
        MemorySegment result = MemorySegment.ofArray(new byte[rows * COLUMNS * to.bits() / 8]);
        try (Device device = StubProvider.open();
                Stream stream = device.stream("formats");
                DeviceArena arena = device.arena("formats")) {
            Tensor x = arena.tensor(from, rows, COLUMNS);
            Tensor out = arena.tensor(to, rows, COLUMNS);
            stream.upload(x, padded);
            stream.run(Cast.of(rows, COLUMNS, from, to), Cast.Args.of(x, out));
            stream.download(result, out);
        }
        return result;
    }
}
