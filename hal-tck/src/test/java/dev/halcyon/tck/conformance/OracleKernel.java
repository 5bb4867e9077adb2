package dev.halcyon.tck.conformance;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.host.FaultSink;
import dev.halcyon.hal.host.HostElements;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.kernel.attention.CacheAppend;
import dev.halcyon.hal.kernel.attention.CacheGather;
import dev.halcyon.hal.kernel.attention.MlaDecode;
import dev.halcyon.hal.memory.CacheFormat;
import dev.halcyon.hal.memory.CachePool;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.QuantizedTensor;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.TensorList;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// A kernel that computes whatever its spec says by asking the oracle; slow, exact, and the measure
/// of the kit itself.
final class OracleKernel<S extends KernelSpec<A>, A extends KernelArgs>
        implements Kernel<S, A, HostWork> {
    private final Class<S> type;

    OracleKernel(Class<S> type) {
        this.type = type;
    }

    @Override
    public Class<S> specType() {
        return type;
    }

    @Override
    public List<String> implementations() {
        return List.of("oracle." + type.getSimpleName());
    }

    @Override
    public Decision<A, HostWork> decide(S spec, Limits limits) {
        return Decision.planned(
                new Implementation(implementations().getFirst(), "fp64"),
                Numerics.F32_INVARIANT,
                64,
                (args, workspace) -> faults -> compute(spec, args, faults));
    }

    private void compute(S spec, A args, FaultSink faults) {
        Map<String, HostTensor> in = new LinkedHashMap<>();
        Map<String, Operand> operands = new LinkedHashMap<>();
        for (Operands.Access access : spec.operands(args).accesses()) {
            operands.put(access.name(), access.operand());
            in.put(access.name(), read(spec, access.name(), access.operand()));
        }
        BadIndices.report(spec, new Values(in), faults);
        Reference.of(spec, new Values(in))
                .forEach((name, expected) -> write(spec, operands, name, expected));
    }

    private HostTensor read(S spec, String name, Operand operand) {
        return switch (operand) {
            case Tensor tensor when name.equals("cache") ->
                    read(new CachePool(tensor, cacheFormat(spec)).rows());
            case Tensor tensor -> read(tensor);
            case QuantizedTensor quantized -> read(quantized);
            case TensorList list -> {
                List<HostTensor> parts =
                        list.elements().stream().map(element -> read(spec, name, element)).toList();
                double[] all =
                        parts.stream()
                                .flatMapToDouble(part -> Arrays.stream(part.values()))
                                .toArray();
                yield new HostTensor(list.shape(), all);
            }
            default ->
                    throw new IllegalArgumentException("the oracle reads no " + operand.format());
        };
    }

    private static HostTensor read(Tensor tensor) {
        double[] values = new double[Math.toIntExact(tensor.elements())];
        MemorySegment memory = tensor.segment();
        HostElements.forEach(
                tensor,
                (number, at) ->
                        values[(int) number] = HostElements.get(memory, tensor.dtype(), at));
        return new HostTensor(tensor.shape(), values);
    }

    private static HostTensor read(QuantizedTensor quantized) {
        double[] values = read(quantized.values()).values();
        double[] scales = read(quantized.scales()).values();
        Shape shape = quantized.shape();
        int columns = Math.toIntExact(shape.dim(-1));
        int rows = Math.toIntExact(shape.dim(-2));
        int scaleColumns = Math.toIntExact(quantized.scales().dim(-1));
        int scaleRows = Math.toIntExact(quantized.scales().dim(-2));
        for (int i = 0; i < values.length; i++) {
            int matrix = i / columns / rows;
            int row = i / columns % rows / quantized.scheme().blockRows();
            int column = i % columns / quantized.scheme().blockColumns();
            values[i] *= scales[(matrix * scaleRows + row) * scaleColumns + column];
        }
        return new HostTensor(shape, values);
    }

    private void write(S spec, Map<String, Operand> operands, String name, Expected expected) {
        if (operands.get("out") instanceof QuantizedTensor quantized) {
            writeCodes(
                    name.equals("out.values") ? quantized.values() : quantized.scales(),
                    name,
                    expected);
            return;
        }
        Operand operand = operands.get(name);
        if (operand instanceof Tensor tensor && name.equals("cache")) {
            write(new CachePool(tensor, cacheFormat(spec)).rows(), expected, 0);
        } else if (operand instanceof Tensor tensor) {
            write(tensor, expected, 0);
        } else if (operand instanceof TensorList list) {
            long first = 0;
            for (Operand element : list.elements()) {
                write((Tensor) element, expected, first);
                first += element.shape().elements();
            }
        }
    }

    private static void writeCodes(Tensor tensor, String name, Expected expected) {
        if (name.equals("out.scales")) {
            write(tensor, expected, 0);
            return;
        }
        MemorySegment memory = tensor.segment();
        for (int i = 0; i < expected.values().length; i++) {
            int code = (int) expected.values()[i];
            if (tensor.dtype() == DType.F4_E2M1 || tensor.dtype() == DType.I4) {
                int old = memory.get(ValueLayout.JAVA_BYTE, i / 2);
                int merged = i % 2 == 0 ? old & 0xf0 | code : old & 0x0f | code << 4;
                memory.set(ValueLayout.JAVA_BYTE, i / 2, (byte) merged);
            } else {
                memory.set(ValueLayout.JAVA_BYTE, i, (byte) code);
            }
        }
    }

    private static void write(Tensor tensor, Expected expected, long first) {
        MemorySegment memory = tensor.segment();
        HostElements.forEach(
                tensor,
                (number, at) -> {
                    int from = Math.toIntExact(first + number);
                    HostElements.set(memory, tensor.dtype(), at, expected.values()[from]);
                });
    }

    private static CacheFormat cacheFormat(KernelSpec<?> spec) {
        return switch (spec) {
            case MlaDecode decode -> decode.cache();
            case CacheAppend append -> append.cache();
            case CacheGather gather -> gather.cache();
            default -> throw new IllegalArgumentException(spec.name() + " has no cache");
        };
    }
}
