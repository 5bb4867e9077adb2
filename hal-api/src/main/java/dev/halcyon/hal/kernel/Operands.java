package dev.halcyon.hal.kernel;

import dev.halcyon.hal.memory.CachePool;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.PackedTensor;
import dev.halcyon.hal.memory.QuantizedTensor;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.TensorList;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.BiConsumer;

/// The operands of one launch by name, with the way each is used; built fluently by
/// [KernelArgs#operands()].
///
/// Absent (`null`) operands are skipped, so optional ones can be listed without a test.
public final class Operands {
    /// How a kernel uses an operand.
    public enum Mode {
        /// Only read.
        READ,
        /// Overwritten; what it held before does not matter.
        WRITE,
        /// Read and written in place by contract, such as a parameter under an optimizer.
        UPDATE
    }

    /// One operand.
    ///
    /// @param name the component's name in the args record
    /// @param operand the memory
    /// @param mode how it is used
    /// @param mayEqual names of the operands whose very range this one may also be; often none
    public record Access(String name, Operand operand, Mode mode, Set<String> mayEqual) {
        public Access {
            mayEqual = Set.copyOf(mayEqual);
        }
    }

    private final List<Access> accesses = new ArrayList<>();

    private Operands() {}

    /// {@return an empty list of operands}
    public static Operands of() {
        return new Operands();
    }

    /// Adds an operand that is only read.
    public Operands read(String name, @Nullable Operand operand) {
        return add(name, operand, Mode.READ, Set.of());
    }

    /// Adds the pages of a cache that is only read.
    public Operands read(String name, @Nullable CachePool pool) {
        return add(name, pool == null ? null : pool.storage(), Mode.READ, Set.of());
    }

    /// Adds an operand that is overwritten and overlaps nothing, except that it may be exactly the
    /// range of one of the operands named in `mayEqual`.
    public Operands write(String name, @Nullable Operand operand, String... mayEqual) {
        return add(name, operand, Mode.WRITE, Set.of(mayEqual));
    }

    /// Adds an operand that is read and written in place.
    public Operands update(String name, @Nullable Operand operand) {
        return add(name, operand, Mode.UPDATE, Set.of());
    }

    /// Adds the pages of a cache that is written in part.
    public Operands update(String name, @Nullable CachePool pool) {
        return add(name, pool == null ? null : pool.storage(), Mode.UPDATE, Set.of());
    }

    private Operands add(String name, @Nullable Operand operand, Mode mode, Set<String> mayEqual) {
        if (operand != null) {
            accesses.add(new Access(name, operand, mode, mayEqual));
        }
        return this;
    }

    /// {@return the operands in the order they were added}
    public List<Access> accesses() {
        return List.copyOf(accesses);
    }

    /// Calls `visitor` for every tensor an operand consists of: itself, its values and scales, its
    /// storage, or its elements'.
    public static void forEachTensor(
            Operand operand, String name, BiConsumer<String, Tensor> visitor) {
        switch (operand) {
            case Tensor tensor -> visitor.accept(name, tensor);
            case QuantizedTensor quantized -> {
                visitor.accept(name + ".values", quantized.values());
                visitor.accept(name + ".scales", quantized.scales());
            }
            case PackedTensor packed -> visitor.accept(name + ".storage", packed.storage());
            case TensorList list -> {
                for (int i = 0; i < list.elements().size(); i++) {
                    forEachTensor(list.elements().get(i), name + "[" + i + "]", visitor);
                }
            }
        }
    }
}
