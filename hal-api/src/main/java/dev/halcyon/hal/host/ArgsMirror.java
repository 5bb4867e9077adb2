package dev.halcyon.hal.host;

import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.memory.CachePool;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.PackedTensor;
import dev.halcyon.hal.memory.QuantizedTensor;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.TensorList;

import org.jspecify.annotations.Nullable;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.util.function.UnaryOperator;

/// Rebuilds kernel arguments with every tensor exchanged for another, using that arguments are
/// records.
final class ArgsMirror {
    private ArgsMirror() {}

    @SuppressWarnings("unchecked")
    static <A extends KernelArgs> A map(A args, UnaryOperator<Tensor> exchange) {
        Class<?> type = args.getClass();
        RecordComponent[] components = type.getRecordComponents();
        if (components == null) {
            throw new IllegalArgumentException(
                    "fallback needs arguments that are a record, not " + type.getName());
        }
        Class<?>[] types = new Class<?>[components.length];
        @Nullable Object[] values = new Object[components.length];
        try {
            for (int i = 0; i < components.length; i++) {
                types[i] = components[i].getType();
                values[i] = mapValue(components[i].getAccessor().invoke(args), exchange);
            }
            return (A) type.getDeclaredConstructor(types).newInstance(values);
        } catch (InvocationTargetException failed) {
            throw new IllegalArgumentException(
                    "cannot rebuild " + type.getName(), failed.getCause());
        } catch (ReflectiveOperationException inaccessible) {
            throw new IllegalArgumentException(
                    "cannot rebuild "
                            + type.getName()
                            + "; export its package and make the record public",
                    inaccessible);
        }
    }

    private static @Nullable Object mapValue(
            @Nullable Object value, UnaryOperator<Tensor> exchange) {
        return switch (value) {
            case Operand operand -> mapOperand(operand, exchange);
            case CachePool pool -> new CachePool(exchange.apply(pool.storage()), pool.format());
            case null, default -> value;
        };
    }

    private static Operand mapOperand(Operand operand, UnaryOperator<Tensor> exchange) {
        return switch (operand) {
            case Tensor tensor -> exchange.apply(tensor);
            case QuantizedTensor quantized ->
                    new QuantizedTensor(
                            exchange.apply(quantized.values()),
                            exchange.apply(quantized.scales()),
                            quantized.scheme());
            case PackedTensor packed ->
                    new PackedTensor(
                            exchange.apply(packed.storage()), packed.shape(), packed.format());
            case TensorList list ->
                    new TensorList(
                            list.elements().stream()
                                    .map(element -> mapOperand(element, exchange))
                                    .toList());
        };
    }
}
