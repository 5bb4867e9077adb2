package dev.halcyon.hal.memory;

/// Whatever a weight argument may be: a plain tensor, a block-scaled one, one at many addresses, or
/// one in a layout that a backend asked for.
public sealed interface Operand permits Tensor, QuantizedTensor, TensorList, PackedTensor {
    /// {@return the shape in logical elements, whatever the storage}
    Shape shape();

    /// {@return the format of the storage, as a kernel spec names it}
    WeightFormat format();
}
