package dev.halcyon.tck.conformance;

import dev.halcyon.hal.memory.CacheFormat;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.WeightFormat;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// One operand of a problem: what it is called, how it is stored and what it holds before the
/// launch.
sealed interface Slot {
    /// The operand's name in the spec's arguments.
    String name();

    /// A plain tensor.
    ///
    /// @param dtype its element type
    /// @param dims its extents
    /// @param values row-major; null for poison, which a kernel must overwrite and not read
    /// @param strides whether its rows may be further apart than they are long
    @SuppressWarnings("ArrayRecordComponent")
    record Plain(String name, DType dtype, long[] dims, double @Nullable [] values, boolean strides)
            implements Slot {
        long elements() {
            long product = 1;
            for (long dim : dims) {
                product *= dim;
            }
            return product;
        }
    }

    /// One operand at several addresses.
    record Listed(String name, List<Plain> elements) implements Slot {
        public Listed {
            elements = List.copyOf(elements);
        }
    }

    /// A block-scaled operand, or several in a list.
    record Scaled(String name, QuantizationScheme scheme, List<Parts> matrices, boolean isListed)
            implements Slot {
        /// Values and scales of one operand.
        record Parts(Plain values, Plain scales) {}

        public Scaled {
            matrices = List.copyOf(matrices);
        }
    }

    /// An operand in a layout that the device named, packed from a row-major one.
    record Packed(String name, Plain rowMajor, WeightFormat format) implements Slot {}

    /// The tensor of a step input, of 32-bit numbers.
    record Stepped(String name, Plain content) implements Slot {}

    /// The pages of a cache; in another layout than the canonical one they are filled by an append.
    record Pages(String name, CacheFormat format, Plain rows) implements Slot {}

    /// An operand that is the very memory of another one.
    record Same(String name, String other) implements Slot {}
}
