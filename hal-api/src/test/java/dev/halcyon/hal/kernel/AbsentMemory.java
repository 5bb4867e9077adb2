package dev.halcyon.hal.kernel;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.memory.Buffer;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.PackedTensor;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.QuantizedTensor;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.WeightFormat;

import org.junit.jupiter.api.function.Executable;

import java.lang.foreign.MemorySegment;

/// Tensors over memory that does not exist: specs check types and shapes and never look at an
/// element.
public final class AbsentMemory {
    private AbsentMemory() {}

    private record Nowhere(long byteSize) implements Buffer {
        @Override
        public DeviceArena arena() {
            throw new UnsupportedOperationException("a spec must not ask for the arena");
        }

        @Override
        public long address() {
            throw new UnsupportedOperationException("a spec must not ask for the address");
        }

        @Override
        public boolean isHostVisible() {
            return false;
        }

        @Override
        public boolean isWritable() {
            return true;
        }

        @Override
        public boolean isAlive() {
            return true;
        }

        @Override
        public MemorySegment segment() {
            throw new UnsupportedOperationException("a spec must not ask for the bytes");
        }
    }

    /// {@return a contiguous tensor}
    public static Tensor tensor(DType dtype, long... dims) {
        Shape shape = Shape.of(dims);
        return Tensor.of(new Nowhere(dtype.bytes(shape.elements())), 0, dtype, shape);
    }

    /// {@return a matrix whose rows lie twice as far apart as they are long}
    public static Tensor spaced(DType dtype, long rows, long columns) {
        return tensor(dtype, rows, 2 * columns).slice(1, 0, columns);
    }

    /// {@return a block-scaled tensor}
    public static QuantizedTensor quantized(QuantizationScheme scheme, long... dims) {
        Tensor scales = tensor(scheme.scales(), scheme.scaleShape(Shape.of(dims)).toArray());
        return new QuantizedTensor(tensor(scheme.values(), dims), scales, scheme);
    }

    /// {@return a weight in a layout that no backend has}
    public static PackedTensor packed(WeightFormat format, long... dims) {
        Shape shape = Shape.of(dims);
        return new PackedTensor(tensor(DType.U8, format.bytes(shape)), shape, format);
    }

    /// Asserts that `action` is refused in words that contain every one of `parts`.
    public static void assertRefused(Executable action, String... parts) {
        String message =
                String.valueOf(assertThrows(IllegalArgumentException.class, action).getMessage());
        for (String part : parts) {
            assertTrue(message.contains(part), "\"" + part + "\" is missing in: " + message);
        }
    }
}
